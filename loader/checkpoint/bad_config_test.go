package checkpoint

import (
	"path/filepath"
	"strings"
	"testing"
)

// configOf spoils keys of the config.json of a family; null values are written as the text "null".
func configOf(modelType string, edits map[string]any) func(*testing.T, string) string {
	return func(t *testing.T, _ string) string {
		c := tinyConfig(modelType)
		dir := writeTiny(t, c, WriteOptions{})
		writeTo(t, filepath.Join(dir, configName), editConfig(t, c, edits))
		return dir
	}
}

func llamaConfig(key string, value any) func(*testing.T, string) string {
	return configOf("llama", map[string]any{key: value})
}

func rope(parameters map[string]any) func(*testing.T, string) string {
	return llamaConfig("rope_scaling", parameters)
}

func TestBadConfigText(t *testing.T) {
	text := func(s string) func(*testing.T, string) string { return replaceFile(configName, s) }
	runBad(t, []badInput{
		{"empty", text(""), ":1:1: "},
		{"a list", text("[]"), "must be a JSON object"},
		{"YAML", text("model_type: llama\n"), ":1:1: "},
		{"comment", text("{\n  // hello\n}"), ":2:3: "},
		{"NaN", text(`{"rms_norm_eps": NaN}`), "instead of a JSON value"},
		{"byte order mark", text("\xef\xbb\xbf{}"), "byte order mark"},
		{"trailing bytes", text("{} x"), "after the end"},
		{"key twice", text(`{"model_type": "llama", "model_type": "qwen2"}`), "comes twice"},
		{"deep", text(strings.Repeat("[", 10_001)), "deeper than 64"},
		{"10 MB of brackets", text(strings.Repeat("[", 10_000_000)), "over the limit"},
		{"cut short", text(`{"model_type": "lla`), "does not end"},
		{"nothing in it", text(`{}`), "supported are llama, mistral, qwen2 and qwen3"},
	})
}

func TestBadConfigValues(t *testing.T) {
	runBad(t, []badInput{
		{"architecture", llamaConfig("architectures", []string{"GPT2LMHeadModel"}), "supported are LlamaForCausalLM"},
		{"two architectures", llamaConfig("architectures", []string{"LlamaForCausalLM", "X"}), "a list of one name"},
		{"architecture against type", llamaConfig("model_type", "qwen2"), "does not belong"},
		{"typo", llamaConfig("num_key_value_head", 2), "did you mean num_key_value_heads?"},
		{"unknown key", llamaConfig("embedding_multiplier", 12), `"embedding_multiplier" is not known`},
		{"other case", llamaConfig("Hidden_Size", 16), `"Hidden_Size" is not known`},
		{"activation", llamaConfig("hidden_act", "gelu"), `supported: "silu", "swish"`},
		{"bias", llamaConfig("attention_bias", true), "attention_bias is not supported for LlamaForCausalLM; supported: false"},
		{"no bias in Qwen2", configOf("qwen2", map[string]any{"attention_bias": false}), "supported: true"},
		{"mlp bias", llamaConfig("mlp_bias", true), "supported: false"},
		{"soft cap", llamaConfig("attn_logit_softcapping", 50), "supported: null"},
		{"final soft cap", llamaConfig("final_logit_softcapping", 30), "supported: null"},
		{"quantisation", llamaConfig("quantization_config", map[string]any{"bits": 4}), "quantization_config"},
		{"dropout", llamaConfig("attention_dropout", 0.1), "supported: 0"},
		{"partial rotation", llamaConfig("partial_rotary_factor", 0.5), "supported: 1"},
		{"window in Llama", llamaConfig("sliding_window", 4096), "supported: null"},
		{"window 0", configOf("mistral", map[string]any{"sliding_window": 0}), "sliding_window"},
		{"type float8", llamaConfig("torch_dtype", "float8_e4m3fn"), "supported are float32, float16 and bfloat16"},
		{"type int", llamaConfig("dtype", "int8"), "supported are float32, float16 and bfloat16"},
		{"size as text", llamaConfig("hidden_size", "16"), "must be a whole number"},
		{"size as float", llamaConfig("hidden_size", 16.5), "must be a whole number"},
		{"size as boolean", llamaConfig("num_hidden_layers", true), "must be a whole number"},
		{"eps as text", llamaConfig("rms_norm_eps", "1e-5"), "must be a number"},
		{"eps 0", llamaConfig("rms_norm_eps", 0), "out of range"},
		{"tie as number", llamaConfig("tie_word_embeddings", 1), "must be true or false"},
		{"vocabulary 0", llamaConfig("vocab_size", 0), "out of range"},
		{"layers 10^9", llamaConfig("num_hidden_layers", 1_000_000_000), "out of range"},
		{"heads do not divide", configOf("llama", map[string]any{"num_attention_heads": 3, "num_key_value_heads": 3, "head_dim": nil}), "not a multiple"},
		{"kv heads do not divide", llamaConfig("num_key_value_heads", 3), "does not divide"},
		{"odd head", llamaConfig("head_dim", 5), "is odd"},
		{"missing size", llamaConfig("intermediate_size", nil), "the key is missing"},
		{"end token", llamaConfig("eos_token_id", 24), "outside the vocabulary of 24"},
		{"end tokens", llamaConfig("eos_token_id", []any{2, "x"}), "must hold token ids"},
		{"begin token", llamaConfig("bos_token_id", -2), "must be a whole number"},
		{"layer types", configOf("qwen2", map[string]any{"layer_types": []string{"sliding_attention", "full_attention"}}), "layer 0"},
		{"layer types of another length", configOf("qwen3", map[string]any{"layer_types": []string{"full_attention"}}), "a list of 2 names"},
		{"layers against weights", llamaConfig("num_hidden_layers", 3), "model.layers.2.input_layernorm.weight is missing"},
		{"more layers in the weights", llamaConfig("num_hidden_layers", 1), "is not part of the model"},
	})
}

func TestBadRope(t *testing.T) {
	runBad(t, []badInput{
		{"theta 0", llamaConfig("rope_theta", 0), "out of range"},
		{"theta text", llamaConfig("rope_theta", "1e4"), "must be a number"},
		{"not an object", llamaConfig("rope_scaling", 2), "must be an object or null"},
		{"unknown type", rope(map[string]any{"type": "longrope", "factor": 2}), "supported are default, linear, dynamic, yarn and llama3"},
		{"two types", rope(map[string]any{"type": "linear", "rope_type": "yarn", "factor": 2}), "keep one"},
		{"no factor", rope(map[string]any{"type": "linear"}), "needs it"},
		{"factor below 1", rope(map[string]any{"type": "linear", "factor": 0.5}), "at least 1"},
		{"ignored key", rope(map[string]any{"type": "linear", "factor": 2, "beta_fast": 2}), `does not use "beta_fast"`},
		{"ignored key of default", rope(map[string]any{"rope_type": "default", "factor": 2}), `does not use "factor"`},
		{"unknown key", rope(map[string]any{"type": "yarn", "factor": 2, "mrope_section": []int{1}}), `does not use "mrope_section"`},
		{"ramp upside down", rope(map[string]any{"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1, "original_max_position_embeddings": 32}), "the larger of two"},
		{"betas upside down", rope(map[string]any{"type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 32}), "the larger of two"},
		{"scale 0", rope(map[string]any{"type": "yarn", "factor": 2, "attention_factor": 0}), "must be above 0"},
		{"original length 0", rope(map[string]any{"type": "yarn", "factor": 2, "original_max_position_embeddings": 0}), "out of range"},
		{"both forms", configOf("llama", map[string]any{"rope_scaling": map[string]any{"type": "linear", "factor": 2}, "rope_parameters": map[string]any{"rope_type": "default"}}), "keep one"},
		{"theta twice", configOf("llama", map[string]any{"rope_scaling": nil, "rope_parameters": map[string]any{"rope_theta": 500}}), "given twice"},
		{"a form per layer type", configOf("llama", map[string]any{"rope_scaling": nil, "rope_parameters": map[string]any{"full_attention": map[string]any{"rope_theta": 500}}}), `does not use "full_attention"`},
	})
}

func TestBadSideFiles(t *testing.T) {
	runBad(t, []badInput{
		{"generation config", replaceFile(generationName, "[]"), "generation config must be a JSON object"},
		{"generation config, end token", replaceFile(generationName, `{"eos_token_id": 99}`), "outside the vocabulary"},
		{"tokenizer config", replaceFile(tokenizerConfigName, "{"), "does not end"},
		{"template of a wrong kind", replaceFile(tokenizerConfigName, `{"chat_template": 3}`), "must be a string or a list"},
		{"templates without a default", replaceFile(tokenizerConfigName, `{"chat_template": [{"name":"x","template":"y"}]}`), "named default"},
		{"long template", replaceFile(templateName, strings.Repeat("x", 256<<10+1)), "over the limit"},
		{"template not UTF-8", replaceFile(templateName, "\xff"), "not valid UTF-8"},
	})
}
