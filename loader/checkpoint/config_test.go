package checkpoint

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Keys and values as in published config.json files of each family.
const (
	smollm2JSON = `{"architectures":["LlamaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":1,"eos_token_id":2,
"hidden_act":"silu","hidden_size":576,"initializer_range":0.041666666666666664,"intermediate_size":1536,"is_llama_config":true,
"max_position_embeddings":8192,"mlp_bias":false,"model_type":"llama","num_attention_heads":9,"num_hidden_layers":30,"num_key_value_heads":3,
"pad_token_id":2,"pretraining_tp":1,"rms_norm_eps":1e-05,"rope_interleaved":false,"rope_scaling":null,"rope_theta":100000,
"tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers.js_config":{"kv_cache_dtype":{"q4f16":"float16"}},
"transformers_version":"4.42.3","use_cache":true,"vocab_size":49152}`
	llama31JSON = `{"architectures":["LlamaForCausalLM"],"model_type":"llama","attention_bias":false,"bos_token_id":128000,
"eos_token_id":[128001,128008,128009],"hidden_act":"silu","hidden_size":4096,"intermediate_size":14336,"max_position_embeddings":131072,
"num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":8,"rms_norm_eps":1e-05,"rope_theta":500000.0,"vocab_size":128256,
"rope_scaling":{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}}`
	mistralJSON = `{"architectures":["MistralForCausalLM"],"model_type":"mistral","hidden_act":"silu","hidden_size":4096,"intermediate_size":14336,
"max_position_embeddings":32768,"num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":8,"rms_norm_eps":1e-05,
"rope_theta":10000.0,"sliding_window":4096,"torch_dtype":"bfloat16","vocab_size":32000,"bos_token_id":1,"eos_token_id":2}`
	qwen25JSON = `{"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","attention_dropout":0.0,"bos_token_id":151643,"eos_token_id":151645,
"hidden_act":"silu","hidden_size":896,"intermediate_size":4864,"max_position_embeddings":32768,"max_window_layers":21,
"num_attention_heads":14,"num_hidden_layers":24,"num_key_value_heads":2,"rms_norm_eps":1e-06,"rope_theta":1000000.0,
"sliding_window":32768,"tie_word_embeddings":true,"use_mrope":false,"use_sliding_window":false,"vocab_size":151936}`
	qwen3JSON = `{"architectures":["Qwen3ForCausalLM"],"model_type":"qwen3","attention_bias":false,"attention_dropout":0.0,"bos_token_id":151643,
"eos_token_id":151645,"head_dim":128,"hidden_act":"silu","hidden_size":1024,"intermediate_size":3072,"max_position_embeddings":40960,
"max_window_layers":28,"num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,"rms_norm_eps":1e-06,"sliding_window":null,
"layer_types":["full_attention"],"rope_parameters":{"rope_theta":1000000,"rope_type":"default"},"dtype":"bfloat16",
"tie_word_embeddings":true,"use_sliding_window":false,"vocab_size":151936}`
)

func TestParsePublishedConfigs(t *testing.T) {
	types := strings.Repeat(`"full_attention",`, 27) + `"full_attention"`
	for text, want := range map[string]Config{
		smollm2JSON: {Architecture: "LlamaForCausalLM", ModelType: "llama", VocabSize: 49152, HiddenSize: 576, NumLayers: 30, NumHeads: 9, NumKVHeads: 3, HeadDim: 64,
			IntermediateSize: 1536, MaxPositions: 8192, TieEmbeddings: true, NormEps: 1e-5, Rope: Rope{Type: "default", Theta: 100_000}, BOS: 1, EOS: []int{2}, Pad: 2, DType: "BF16"},
		llama31JSON: {Architecture: "LlamaForCausalLM", ModelType: "llama", VocabSize: 128256, HiddenSize: 4096, NumLayers: 32, NumHeads: 32, NumKVHeads: 8, HeadDim: 128,
			IntermediateSize: 14336, MaxPositions: 131072, NormEps: 1e-5, BOS: 128000, EOS: []int{128001, 128008, 128009}, Pad: -1,
			Rope: Rope{Type: "llama3", Theta: 500_000, Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMaxPositions: 8192}},
		mistralJSON: {Architecture: "MistralForCausalLM", ModelType: "mistral", VocabSize: 32000, HiddenSize: 4096, NumLayers: 32, NumHeads: 32, NumKVHeads: 8, HeadDim: 128,
			IntermediateSize: 14336, MaxPositions: 32768, SlidingWindow: 4096, NormEps: 1e-5, Rope: Rope{Type: "default", Theta: 10_000}, BOS: 1, EOS: []int{2}, Pad: -1, DType: "BF16"},
		qwen25JSON: {Architecture: "Qwen2ForCausalLM", ModelType: "qwen2", VocabSize: 151936, HiddenSize: 896, NumLayers: 24, NumHeads: 14, NumKVHeads: 2, HeadDim: 64, QKVBias: true,
			IntermediateSize: 4864, MaxPositions: 32768, TieEmbeddings: true, NormEps: 1e-6, Rope: Rope{Type: "default", Theta: 1e6}, BOS: 151643, EOS: []int{151645}, Pad: -1},
		strings.Replace(qwen3JSON, `"full_attention"`, types, 1): {Architecture: "Qwen3ForCausalLM", ModelType: "qwen3", VocabSize: 151936, HiddenSize: 1024, NumLayers: 28, NumHeads: 16, NumKVHeads: 8,
			HeadDim: 128, QKNorm: true, IntermediateSize: 3072, MaxPositions: 40960, TieEmbeddings: true, NormEps: 1e-6, Rope: Rope{Type: "default", Theta: 1e6}, BOS: 151643, EOS: []int{151645}, Pad: -1, DType: "BF16"},
	} {
		c, err := ParseConfig([]byte(text), "config.json")
		if err != nil {
			t.Error(err)
			continue
		}
		if !reflect.DeepEqual(*c, want) {
			t.Errorf("got  %+v\nwant %+v", *c, want)
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = ParseConfig(again, "config.json"); err != nil || !reflect.DeepEqual(*c, want) {
			t.Errorf("written and read: %+v, %v", c, err)
		}
	}
}

func TestParametersOfPublishedModels(t *testing.T) {
	for text, want := range map[string]int64{smollm2JSON: 134_515_008, llama31JSON: 8_030_261_248, mistralJSON: 7_241_732_096, qwen25JSON: 494_032_768} {
		c, err := ParseConfig([]byte(text), "config.json")
		if err != nil || c.Parameters() != want {
			t.Errorf("%d parameters, %v; want %d", c.Parameters(), err, want)
		}
	}
}

func TestBothFormsOfRopeAreEqual(t *testing.T) {
	c := tinyConfig("llama")
	yarn := map[string]any{"factor": 4, "original_max_position_embeddings": 16, "beta_fast": 30, "truncate": false}
	older, newer := map[string]any{"type": "yarn"}, map[string]any{"rope_type": "yarn", "rope_theta": 500}
	for key, value := range yarn {
		older[key], newer[key] = value, value
	}
	var parsed []*Config
	for _, edits := range []map[string]any{
		{"rope_theta": 500, "rope_scaling": older},
		{"rope_theta": nil, "rope_scaling": nil, "rope_parameters": newer},
	} {
		p, err := ParseConfig(editConfig(t, c, edits), "config.json")
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, p)
	}
	want := Rope{Type: "yarn", Theta: 500, Factor: 4, OriginalMaxPositions: 16, BetaFast: 30}
	if parsed[0].Rope != want || parsed[1].Rope != want {
		t.Errorf("%+v and %+v, want %+v", parsed[0].Rope, parsed[1].Rope, want)
	}
}

func TestSlidingWindowOfQwen(t *testing.T) {
	c := tinyConfig("qwen2")
	data := editConfig(t, c, map[string]any{"layer_types": []string{"full_attention", "sliding_attention"}})
	p, err := ParseConfig(data, "config.json")
	if err != nil || p.SlidingWindow != 8 || p.WindowFirstLayer != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = ParseConfig(editConfig(t, c, map[string]any{"use_sliding_window": false}), "config.json")
	if err != nil || p.SlidingWindow != 0 || p.WindowFirstLayer != 0 {
		t.Errorf("window not used: %+v, %v", p, err)
	}
}
