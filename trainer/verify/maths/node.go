package maths

import "math/big"

// op is the kind of a node.
type op uint8

const (
	opNumber op = iota // number
	opVar              // name
	opConst            // name: pi, e, i
	opInfinity
	opAdd     // args
	opMul     // args
	opDiv     // args[0] / args[1]
	opPow     // args[0] ^ args[1]
	opNeg     // args[0]
	opRoot    // args[0], the args[1]-th root; real for odd roots of negative numbers
	opCall    // name of args[0]; log has its base in args[1] where it is given
	opPercent // args[0]
	opDegree  // args[0], in degrees of arc
	opUnit    // args[0] with the unit name

	opPlusMinus // args[0] ± args[1]
	opList      // args without brackets, unordered
	opSet       // args, unordered
	opTuple     // args; name is the two brackets
	opInterval  // args[0] to args[1]; name is the two brackets
	opUnion     // args, unordered
	opMatrix    // args are tuples, the rows
	opEquation  // args[0] = args[1]; name is set when the left side is a name such as x or f(x)
	opRange     // args[0] is an interval; name is the variable in it
	opText      // name: lower-case words
)

// node is a part of a parsed answer. Nodes do not change once they are made.
type node struct {
	op     op
	name   string
	number *big.Rat
	args   []*node
}

func number(n int64) *node { return &node{op: opNumber, number: big.NewRat(n, 1)} }

func call(name string, args ...*node) *node { return &node{op: opCall, name: name, args: args} }

// isInteger reports whether n is written as a whole number without a sign.
func (n *node) isInteger() bool { return n.op == opNumber && n.number.IsInt() }

// withoutName is the value of "x = value", and n itself otherwise.
func (n *node) withoutName() *node {
	if n.op == opEquation && n.name != "" {
		return n.args[1]
	}
	return n
}
