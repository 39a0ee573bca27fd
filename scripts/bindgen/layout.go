package main

// scalar is a C base type with its Go spelling; the size is also its alignment on the 64-bit
// platforms that the engine runs on.
type scalar struct {
	goType string
	size   int
}

var scalars = map[string]scalar{
	"int32_t":  {"int32", 4},
	"uint32_t": {"uint32", 4},
	"int64_t":  {"int64", 8},
	"uint64_t": {"uint64", 8},
	"float":    {"float32", 4},
	"double":   {"float64", 8},
	"char":     {"byte", 1},
}

const pointerBytes = 8

// layout fills offsets, size and alignment by the C rules. A hole inside a struct is refused: it
// would be bytes that one side writes and the other never looks at.
func layout(s *structure, file string) error {
	s.align = 1
	for i := range s.fields {
		f := &s.fields[i]
		size := pointerBytes
		if f.typ.stars == 0 {
			size = scalars[f.typ.base].size
		}
		if hole := s.size % size; hole != 0 {
			return refuse(file, f.line, "%s.%s would leave a hole of %d bytes before it; reorder the fields or add a reserved one", s.name, f.name, size-hole)
		}
		s.align = max(s.align, size)
		f.offset = s.size
		s.size += size * max(1, f.count)
	}
	if len(s.fields) == 0 {
		return refuse(file, s.line, "struct %s has no field", s.name)
	}
	if rest := s.size % s.align; rest != 0 {
		return refuse(file, s.line, "struct %s ends with a hole of %d bytes; add a reserved field", s.name, s.align-rest)
	}
	return nil
}
