package template

// expression nodes

type (
	constant  struct{ v value }
	variable  struct{ name string }
	listNode  struct{ items []expr } // [a, b]
	tupleNode struct{ items []expr }
	dictNode  struct{ keys, values []expr }
	attribute struct { // of.name
		of   expr
		name string
		line int
	}
	subscript struct { // of[key]
		of, key expr
		line    int
	}
	slice struct { // of[from:to:step]; nil where left out
		of, from, to, step expr
		line               int
	}
	callNode struct {
		fn    expr
		pos   []expr
		named []namedExpr
		line  int
	}
	filterNode struct {
		of    expr // nil: the body of a block set
		name  string
		pos   []expr
		named []namedExpr
		line  int
	}
	testNode struct {
		of   expr
		name string
		args []expr
		not  bool
		line int
	}
	unary struct {
		op   string // - + not
		of   expr
		line int
	}
	binary struct {
		op          string
		left, right expr
		line        int
	}
	logical struct {
		or          bool
		left, right expr
	}
	comparison struct {
		first expr
		ops   []string
		rest  []expr
		line  int
	}
	concat      struct{ parts []expr }
	conditional struct{ test, then, otherwise expr } // otherwise nil: undefined
)

type namedExpr struct {
	name string
	of   expr
}

// expr is an expression of the template.
type expr interface {
	eval(m *machine, s *scope) (value, error)
}

// statement nodes

type (
	text   struct{ s string }
	output struct {
		of   expr
		line int
	}
	ifNode struct {
		tests     []expr
		bodies    [][]statement
		otherwise []statement
	}
	forNode struct {
		target    []string
		tuple     bool // unpack each item into target
		over      expr
		filter    expr // nil: none
		body      []statement
		otherwise []statement
		line      int
	}
	setNode struct {
		target []string
		tuple  bool
		field  string // of a namespace: target[0].field; else ""
		of     expr
		line   int
	}
	setBlock struct {
		target, field string
		filters       []*filterNode
		body          []statement
		line          int
	}
	macroNode struct {
		name     string
		params   []string
		defaults []expr // of the last parameters
		body     []statement
		line     int
	}
	generationNode struct{ body []statement }
	jump           struct{ isBreak bool }
)

// statement writes to the machine's output.
type statement interface {
	run(m *machine, s *scope) (flow, error)
}

// flow says how a statement ended.
type flow uint8

const (
	goOn flow = iota
	breaks
	continues
)
