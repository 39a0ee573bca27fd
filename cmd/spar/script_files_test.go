package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"spar/loader/checkpoint"
)

// editFile: edit FROM TO OLD NEW [OLD NEW]... writes FROM as TO with each OLD, which must be there, replaced by NEW.
func editFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 || len(args)%2 != 0 {
		ts.Fatalf("usage: edit FROM TO OLD NEW [OLD NEW]...")
	}
	text := ts.ReadFile(args[0])
	for i := 2; i < len(args); i += 2 {
		if !strings.Contains(text, args[i]) {
			ts.Fatalf("%s has no %q", args[0], args[i])
		}
		text = strings.ReplaceAll(text, args[i], args[i+1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

// flipByte: flip FILE OFFSET changes one bit; a negative offset counts from the end.
func flipByte(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}

// fillFile: fill FILE COUNT TEXT writes TEXT, in which \xHH stands for a byte, COUNT times, a line each.
func fillFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fill FILE COUNT TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := args[2]
	for {
		before, after, found := strings.Cut(text, `\x`)
		if !found {
			break
		}
		b, err := strconv.ParseUint(after[:2], 16, 8)
		ts.Check(err)
		text = before + string([]byte{byte(b)}) + after[2:]
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(text+"\n", n)), 0o644))
}

// giantModel: giant DIR writes a model of 70 billion parameters whose weights are a hole in a sparse file.
func giantModel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: giant DIR")
	}
	const text = `{"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":32000,"hidden_size":8192,"intermediate_size":28672,
"num_hidden_layers":80,"num_attention_heads":64,"num_key_value_heads":8,"max_position_embeddings":4096,"rms_norm_eps":1e-5,"rope_theta":10000.0,
"hidden_act":"silu","tie_word_embeddings":false,"bos_token_id":1,"eos_token_id":2,"torch_dtype":"bfloat16"}`
	config, err := checkpoint.ParseConfig([]byte(text), "config.json")
	ts.Check(err)
	header, offset := map[string]any{}, int64(0)
	for _, t := range config.Tensors() {
		size := int64(2)
		for _, n := range t.Shape {
			size *= int64(n)
		}
		header[t.Name] = map[string]any{"dtype": "BF16", "shape": t.Shape, "data_offsets": []int64{offset, offset + size}}
		offset += size
	}
	head, err := json.Marshal(header)
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o644))
	weights := filepath.Join(dir, "model.safetensors")
	ts.Check(os.WriteFile(weights, append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), 0o644))
	ts.Check(os.Truncate(weights, 8+int64(len(head))+offset))
}
