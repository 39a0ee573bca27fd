package native

import (
	"bytes"
	"fmt"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// abiStruct is the layout of one struct of the header.
type abiStruct struct {
	name   string
	size   int64
	fields []abiField
}

type abiField struct {
	name   string
	offset int64
}

// bindCalls looks every function of the header up in a loaded library.
func bindCalls(handle uintptr) (*abiCalls, error) {
	calls := new(abiCalls)
	for i, name := range abiSymbols {
		addr, err := purego.Dlsym(handle, name)
		if err != nil || addr == 0 {
			return nil, fmt.Errorf("it lacks the function %s; build it from the same revision as this program", name)
		}
		calls[i] = addr
	}
	return calls, nil
}

// handshake asks the library for its ABI number and struct sizes and compares them with the ones
// that this program was generated with.
func handshake(calls *abiCalls) (sparInfo, error) {
	info := sparInfo{Size: int64(unsafe.Sizeof(sparInfo{}))}
	if code := calls.libraryInfo(&info); code != sparOk {
		return info, fmt.Errorf("its spar_library_info refuses the %d bytes of this program's spar_info (status %d): the ABI differs from this program's %d", info.Size, code, sparAbiVersion)
	}
	if info.AbiVersion != sparAbiVersion {
		return info, fmt.Errorf("its ABI version is %d, this program's is %d", info.AbiVersion, sparAbiVersion)
	}
	var differ []string
	for i, have := range info.StructSizes {
		name, want := fmt.Sprintf("struct %d", i), int64(0)
		if i < len(abiStructs) {
			name, want = abiStructs[i].name, abiStructs[i].size
		}
		if have != want {
			differ = append(differ, fmt.Sprintf("%s has %d bytes there and %d here", name, have, want))
		}
	}
	if len(differ) > 0 {
		return info, fmt.Errorf("its structs differ from this program's: %s", strings.Join(differ, ", "))
	}
	return info, nil
}

// cString is the text before the first NUL.
func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// view is native memory as a slice; nil for a NULL pointer.
func view[T any](p *T, n int) []T {
	if p == nil {
		return nil
	}
	return unsafe.Slice(p, n)
}

// narrower turns Go ints into the ABI's 32 bits and keeps the first that does not fit.
type narrower struct{ err error }

func (n *narrower) i32(name string, v int) int32 {
	if int(int32(v)) != v && n.err == nil {
		n.err = fmt.Errorf("%s is %d, which does not fit into 32 bits", name, v)
	}
	return int32(v)
}

func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
