package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = `#ifndef SPAR_H
#define SPAR_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define SPAR_API __attribute__((visibility("default")))
#define SPAR_OK 0
typedef struct spar_thing spar_thing;
typedef struct spar_desc { int64_t size; /* two
 lines */ const float* data; int32_t range; float eps; char name[16]; } spar_desc;
SPAR_API int32_t spar_thing_open(const spar_desc* desc, spar_thing** out);
SPAR_API int32_t spar_thing_run(spar_thing* thing, int32_t count, int64_t* type);
#ifdef __cplusplus
}
#endif
#endif
`

// TestEmit checks names, types and offsets of what the good header becomes.
func TestEmit(t *testing.T) {
	a, err := parse("spar.h", good)
	if err != nil {
		t.Fatal(err)
	}
	out, err := emit(a)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{
		"const ( sparOk = 0 )",
		"type ( sparThing uintptr )",
		"type sparDesc struct { Size int64 Data *float32 Range int32 Eps float32 Name [16]byte }",
		`{"spar_desc", 40, []abiField{{"size", 0}, {"data", 8}, {"range", 16}, {"eps", 20}, {"name", 24}}},`,
		"func (c *abiCalls) thingOpen(desc *sparDesc, out *sparThing) int32 {",
		"func (c *abiCalls) thingRun(thing sparThing, count int32, type_ *int64) int32 {",
		"purego.SyscallN(c[1], uintptr(thing), uintptr(count), uintptr(unsafe.Pointer(type_)))",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q", want)
		}
	}
}

// TestRefuse plants one construct at a time that Go would see differently, or that the house rules
// forbid, and wants the line number.
func TestRefuse(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"enum", "typedef struct spar_thing spar_thing;", "enum spar_kind { A };", `spar.h:9: a declaration that starts with "enum"`},
		{"bool field", "int32_t range;", "bool range;", `type "bool"`},
		{"unsized int", "int32_t range;", "int range;", `type "int"`},
		{"struct by value", "int32_t count, int64_t", "spar_desc count, int64_t", "spar.h:13: spar_desc by value"},
		{"float by value", "int32_t count, int64_t", "float count, int64_t", "is a float by value"},
		{"pointer to pointer", "const float* data", "const float** data", "under 2 pointers"},
		{"varargs", "int64_t* type)", "...)", `spar.h:13: character '.'`},
		{"void result", "SPAR_API int32_t spar_thing_run", "SPAR_API void spar_thing_run", "returning void"},
		{"missing export", "SPAR_API int32_t spar_thing_run", "int32_t spar_thing_run", "starts with \"int32_t\""},
		{"callback", "int64_t* type)", "int32_t (*f)(int32_t))", "name of a parameter"},
		{"bit field", "int32_t range;", "int32_t range : 3;", "character ':'"},
		{"hole", "int32_t range; float eps;", "int32_t range; double eps;", "spar.h:11: spar_desc.eps would leave a hole of 4 bytes"},
		{"hole at the end", "char name[16];", "char name[15];", "ends with a hole of 1 bytes"},
		{"seven parameters", "int32_t count,", "int32_t a, int32_t b, int32_t c, int32_t d, int32_t e,", "has 7 parameters"},
		{"expression constant", "#define SPAR_OK 0", "#define SPAR_OK (1<<2)", "spar.h:8: #define SPAR_OK (1<<2)"},
		{"foreign constant", "#define SPAR_OK 0", "#define OK 0", "only SPAR_ names"},
		{"conditional", "#define SPAR_OK 0", "#if 1", `directive "#if 1"`},
		{"other include", "<stdint.h>", "<stddef.h>", "directive"},
		{"macro array length", "name[16]", "name[SPAR_OK]", "array length"},
		{"unknown struct", "const spar_desc* desc", "const spar_other* desc", `type "spar_other"`},
		{"declared twice", "typedef struct spar_thing spar_thing;", "typedef struct spar_thing spar_thing; typedef struct spar_thing spar_thing;", "declared twice"},
		{"endless comment", "lines */", "lines", "a comment that never ends"},
		{"line comment", "#define SPAR_OK 0", "// note", "C99 headers of this project use /* */"},
		{"cut short", "typedef struct spar_thing spar_thing;", "typedef struct", "lacks the prefix"},
		{"no #endif", "#endif\n#endif\n", "#endif\n", "without #endif"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := strings.Replace(good, c.old, c.new, 1)
			if src == good {
				t.Fatalf("%q is not in the header", c.old)
			}
			_, err := parse("spar.h", src)
			if err == nil {
				t.Fatalf("accepted; want an error with %q", c.want)
			}
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "spar.h:") {
				t.Errorf("%v\nwant %q and the line", err, c.want)
			}
		})
	}
}

// TestSizesTable wants a slot in struct_sizes for each struct.
func TestSizesTable(t *testing.T) {
	src := strings.Replace(good, "SPAR_API int32_t spar_thing_open", `typedef struct spar_info { int64_t struct_sizes[1]; } spar_info;
SPAR_API int32_t spar_thing_open`, 1)
	_, err := parse("spar.h", src)
	if err == nil || !strings.Contains(err.Error(), "struct_sizes has 1 slots for 2 structs") {
		t.Errorf("got %v", err)
	}
}

// TestCheck wants -check to pass on fresh output and to fail when the header moves on.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	header, output := filepath.Join(dir, "spar.h"), filepath.Join(dir, "zz_abi.go")
	write := func(src string) {
		t.Helper()
		if err := os.WriteFile(header, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(good)
	if err := run(header, output, false); err != nil {
		t.Fatal(err)
	}
	if err := run(header, output, true); err != nil {
		t.Errorf("fresh output: %v", err)
	}
	write(strings.Replace(good, "int32_t range; float eps;", "float eps; int32_t range;", 1))
	err := run(header, output, true)
	if err == nil || !strings.Contains(err.Error(), "first difference at line") {
		t.Errorf("swapped fields pass the check: %v", err)
	}
}

// TestUpToDate is the check on the real header.
func TestUpToDate(t *testing.T) {
	if err := run("../../native/include/spar.h", "../../native/zz_abi.go", true); err != nil {
		t.Fatal(err)
	}
}
