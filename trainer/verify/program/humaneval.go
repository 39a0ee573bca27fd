package program

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"spar/internal/fault"
)

// HumanEval is one problem of the set of that name (Chen et al. 2021, "Evaluating Large Language Models Trained on
// Code"), as its published file has it.
type HumanEval struct {
	ID       string `json:"task_id"`
	Prompt   string `json:"prompt"` // imports, helpers, and the function's head with its docstring
	Entry    string `json:"entry_point"`
	Solution string `json:"canonical_solution"` // the function's body
	Test     string `json:"test"`               // defines check(candidate)
}

// ReadHumanEval reads the published file, JSON lines in gzip.
func ReadHumanEval(name string) ([]HumanEval, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Inputf("HumanEval's problems: %w; scripts/fetch verifiers brings them", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fault.Inputf("%s: %w", name, err)
	}
	var list []HumanEval
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p HumanEval
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fault.Inputf("%s: line %d: %w", name, len(list)+1, err)
		}
		list = append(list, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Inputf("%s: line %d: %w", name, len(list)+1, err)
	}
	return list, nil
}

// Tests is the text that judges a program for this problem. The prompt comes first, so that helpers it defines are the
// tests' own and not the program's; what it says of the function itself is taken out again.
func (p HumanEval) Tests() string {
	return fmt.Sprintf("%s\ndel %s\n%s\ncheck(%s)\n", strings.TrimRight(p.Prompt, "\n"), p.Entry, p.Test, p.Entry)
}

// Program completes the prompt with a body, as a model that continues it does.
func (p HumanEval) Program(body string) string { return p.Prompt + body }
