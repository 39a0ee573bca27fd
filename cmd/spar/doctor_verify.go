package main

import (
	"fmt"
	"io"

	"spar/trainer/verify/jail"
	"spar/trainer/verify/smt"
)

// component is a program that some verifiers need.
type component struct {
	Name    string `json:"name"`
	Path    string `json:"path,omitempty"`
	Install string `json:"install,omitempty"` // what to do when it is missing
}

// verifierState is what verifiers can use here, and what model-written programs are kept from.
type verifierState struct {
	Components []component    `json:"components"`
	Jail       []jail.Feature `json:"jail"`
	Refused    string         `json:"jail_refused,omitempty"` // why model-written programs are not run here
}

func inspectVerifiers() verifierState {
	v := verifierState{Jail: jail.Enforced()}
	python := component{Name: "python3"}
	var err error
	if python.Path, err = jail.Python(); err != nil {
		python.Install = err.Error()
	}
	v.Components = append(v.Components, python)
	for _, name := range []string{"z3", "cvc5"} {
		c := component{Name: name}
		if c.Path, err = smt.Find(name); err != nil {
			c.Install = err.Error()
		}
		v.Components = append(v.Components, c)
	}
	pool, err := jail.Open(jail.Options{})
	if err != nil {
		v.Refused = err.Error()
		return v
	}
	pool.Close()
	return v
}

// print writes the lines of doctor's table.
func (v verifierState) print(w io.Writer) {
	fmt.Fprintf(w, "verifiers\tpure Go ones, starlark\n")
	for _, c := range v.Components {
		if c.Path != "" {
			fmt.Fprintf(w, "\t%s  %s\n", c.Name, c.Path)
		} else {
			fmt.Fprintf(w, "\t%s  missing: %s\n", c.Name, c.Install)
		}
	}
	title := "jail"
	for _, f := range v.Jail {
		state := "on"
		if !f.On {
			state = "OFF"
		}
		fmt.Fprintf(w, "%s\t%-10s  %-3s  %s\n", title, f.Name, state, f.Detail)
		title = ""
	}
	if v.Refused != "" {
		fmt.Fprintf(w, "\t%s\n", v.Refused)
	}
}
