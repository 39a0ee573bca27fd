// Command bindgen writes the Go half of the native boundary from native/include/spar.h.
//
//	go run ./scripts/bindgen          rewrite native/zz_abi.go
//	go run ./scripts/bindgen -check   fail when rewriting would change it
//
// It reads only the C that the header is written in (integer constants, opaque handles, plain
// structs, functions that take integers and pointers and return int32_t) and refuses the rest
// with the line number, so a construct that Go would see differently cannot slip in.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
)

func main() {
	header := flag.String("header", "native/include/spar.h", "the C header to read")
	output := flag.String("output", "native/zz_abi.go", "the Go file to write")
	check := flag.Bool("check", false, "fail when the output is not up to date; write nothing")
	flag.Parse()
	if err := run(*header, *output, *check); err != nil {
		fmt.Fprintln(os.Stderr, "bindgen:", err)
		os.Exit(1)
	}
}

// run generates output from header, or compares the two when check is set.
func run(header, output string, check bool) error {
	src, err := os.ReadFile(header)
	if err != nil {
		return err
	}
	api, err := parse(header, string(src))
	if err != nil {
		return err
	}
	want, err := emit(api)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(output, want, 0o644)
	}
	have, err := os.ReadFile(output)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return fmt.Errorf("%s is not what %s generates (first difference at line %d); run go run ./scripts/bindgen", output, header, firstDifference(have, want))
	}
	return nil
}

// firstDifference is the 1-based line where a and b part.
func firstDifference(a, b []byte) int {
	la, lb := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(la), len(lb)) {
		if !bytes.Equal(la[i], lb[i]) {
			return i + 1
		}
	}
	return min(len(la), len(lb)) + 1
}
