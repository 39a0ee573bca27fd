package main

import "spar/trainer/tool"

type tokenizeCmd struct {
	Model   string `required:"" help:"Hugging Face directory or GGUF file." type:"path" placeholder:"MODEL"`
	Special bool   `help:"Recognise special tokens inside plain text."`
	File    string `arg:"" help:"JSON lines of {text} or {messages, add_generation_prompt}; - is standard input."`
}

func (c *tokenizeCmd) Run(s streams) error {
	in, err := openInput(c.File, s.in)
	if err != nil {
		return err
	}
	defer in.Close()
	m, err := tool.ModelOptions{Path: c.Model}.Load()
	if err != nil {
		return err
	}
	defer m.Close()
	return tool.Tokenize(m, in, c.File, s.out, c.Special)
}
