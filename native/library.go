package native

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/ebitengine/purego"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Options say which library to open.
type Options struct {
	Path     string // a shared library; "" is the embedded CPU library. Nothing else is searched.
	CacheDir string // where the embedded library is extracted; "" is spar's folder in the user's cache
}

// Library is a loaded backend. It stays loaded until the process ends.
type Library struct {
	calls *abiCalls
	info  sparInfo
	hash  string
}

// loaded holds every library of this process by the SHA-256 of its file: the same bytes mapped by
// two routes would be two copies of all its state.
var loaded struct {
	sync.Mutex
	byHash map[string]*Library
}

// libraryLimit is far above any backend's size.
const libraryLimit = 4 << 30

// Open loads a library and checks that its ABI number and struct sizes are the ones of this
// program. Opening the same file again, by whatever path, returns the same Library.
func Open(o Options) (*Library, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if o.Path == "" {
		return openEmbedded(embedded, o.CacheDir)
	}
	data, err := fsys.ReadFile(fsys.OS, o.Path, libraryLimit)
	if err != nil {
		return nil, fault.Inputf("native library: %w", err)
	}
	return once(data, func(string) (uintptr, error) {
		path, err := filepath.Abs(o.Path) // without a slash dlopen would search the system's folders
		if err != nil {
			return 0, err
		}
		return dlopen(path)
	}, o.Path)
}

// once returns the library with these bytes, loading it when this process has not yet.
func once(data []byte, load func(hash string) (uintptr, error), name string) (*Library, error) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	if l := loaded.byHash[hash]; l != nil {
		return l, nil
	}
	handle, err := load(hash)
	if err != nil {
		return nil, fault.New(fault.Failed, "native library %s: %w", name, err)
	}
	l := &Library{hash: hash}
	if l.calls, err = bindCalls(handle); err == nil {
		l.info, err = handshake(l.calls)
	}
	if err != nil {
		return nil, fault.New(fault.Input, "native library %s: %w", name, err)
	}
	if loaded.byHash == nil {
		loaded.byHash = map[string]*Library{}
	}
	loaded.byHash[hash] = l
	return l, nil
}

func dlopen(path string) (uintptr, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err == nil && handle == 0 {
		err = errors.New("dlopen returned nothing")
	}
	return handle, err
}

// Info describes a library and what it found on this machine.
type Info struct {
	ABIVersion int
	Backend    string   // "cpu"
	Build      string   // compiler and flags digest
	Hash       string   // SHA-256 of the file
	CPU        string   // CPU model name
	CPUCount   int      // CPUs that this process may use
	BestISA    string   // what "auto" chooses here
	ISAs       []string // what can run here
}

// Info returns the description that the library gave when it was loaded.
func (l *Library) Info() Info {
	i := Info{
		ABIVersion: int(l.info.AbiVersion),
		Backend:    cString(l.info.Backend[:]),
		Build:      cString(l.info.Build[:]),
		Hash:       l.hash,
		CPU:        cString(l.info.Cpu[:]),
		CPUCount:   int(l.info.CpuCount),
		BestISA:    isaName(l.info.IsaBest),
	}
	for code, name := range isaNames {
		if l.info.IsaMask&(1<<code) != 0 {
			i.ISAs = append(i.ISAs, name)
		}
	}
	return i
}

// isaNames are the kernel families by their code.
var isaNames = [...]string{sparIsaAuto: "auto", sparIsaRef: "ref", sparIsaBase: "base", sparIsaAvx2: "avx2", sparIsaAvx512: "avx512",
	sparIsaAvx512bf16: "avx512bf16", sparIsaAmx: "amx"}

func isaName(code int32) string {
	if code >= 0 && int(code) < len(isaNames) {
		return isaNames[code]
	}
	return fmt.Sprintf("isa %d", code)
}

func isaCode(name string) (int32, error) {
	if name == "" {
		return sparIsaAuto, nil
	}
	for code, n := range isaNames {
		if n == name {
			return int32(code), nil
		}
	}
	return 0, fault.Usagef("kernel family %q is unknown; use one of %v", name, isaNames)
}
