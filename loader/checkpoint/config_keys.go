package checkpoint

import (
	"slices"
	"strconv"

	"spar/internal/strictjson"
)

// fixedKeys may stand in config.json only with a value for which the model computes what spar
// computes. Values are JSON; a number matches whatever its spelling.
var fixedKeys = map[string][]string{
	"hidden_act":                  {`"silu"`, `"swish"`},
	"hidden_activation":           {`"silu"`, `null`},
	"mlp_bias":                    {`false`},
	"rope_interleaved":            {`false`},
	"partial_rotary_factor":       {`1`, `null`},
	"attention_dropout":           {`0`},
	"hidden_dropout":              {`0`},
	"resid_pdrop":                 {`0`},
	"embd_pdrop":                  {`0`},
	"attn_pdrop":                  {`0`},
	"use_mrope":                   {`false`},
	"is_encoder_decoder":          {`false`},
	"add_cross_attention":         {`false`},
	"cross_attention_hidden_size": {`null`},
	"tie_encoder_decoder":         {`false`},
	"pruned_heads":                {`{}`, `null`},
	"quantization_config":         {`null`},
	"compression_config":          {`null`},
	"attn_logit_softcapping":      {`null`},
	"final_logit_softcapping":     {`null`},
	"query_pre_attn_scalar":       {`null`},
}

// harmlessKeys are read by others and change nothing in the forward pass.
var harmlessKeys = []string{
	"_name_or_path", "name_or_path", "transformers_version", "transformers.js_config", "auto_map", "use_cache",
	"initializer_range", "pretraining_tp", "is_llama_config", "_attn_implementation", "attn_implementation",
	"_attn_implementation_autoset", "_flash_attn_2_enabled", "output_attentions", "output_hidden_states",
	"return_dict", "return_dict_in_generate", "output_scores", "torchscript", "use_bfloat16", "is_decoder",
	"chunk_size_feed_forward", "id2label", "label2id", "num_labels", "problem_type", "task_specific_params",
	"finetuning_task", "tokenizer_class", "unsloth_fixed", "unsloth_version", "model_max_length", "license",
	"prefix", "sep_token_id", "unk_token_id", "decoder_start_token_id", "forced_bos_token_id",
	"forced_eos_token_id", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty",
	"no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "num_beams", "num_beam_groups", "num_return_sequences",
	"diversity_penalty", "do_sample", "early_stopping", "max_length", "min_length", "bad_words_ids",
	"suppress_tokens", "begin_suppress_tokens", "exponential_decay_length_penalty", "remove_invalid_values",
	"tf_legacy_loss",
}

// fixed gives the values that a key may have in a family. A bias of the projections is
// part of Qwen2 and of no other; a window is no part of Llama.
func (f family) fixed(key string) ([]string, bool) {
	switch key {
	case "attention_bias", "qkv_bias":
		return []string{strconv.FormatBool(f.qkvBias)}, true
	case "use_sliding_window":
		return []string{`false`}, f.modelType == "llama" || f.modelType == "mistral"
	case "sliding_window":
		return []string{`null`}, f.modelType == "llama"
	}
	allowed, ok := fixedKeys[key]
	return allowed, ok
}

// equals compares a parsed value with a JSON text from fixedKeys.
func equals(v strictjson.Value, text string) bool {
	switch v.Kind {
	case 'n':
		return text == "null"
	case 't':
		return text == strconv.FormatBool(v.Bool)
	case '"':
		return text == strconv.Quote(v.Text)
	case '{':
		return text == "{}" && len(v.Members) == 0
	case '0':
		a, errA := strconv.ParseFloat(v.Text, 64)
		b, errB := strconv.ParseFloat(text, 64)
		return errA == nil && errB == nil && a == b
	}
	return false
}

func knownKeys(used map[string]bool) []string {
	var known []string
	for k := range used {
		known = append(known, k)
	}
	for k := range fixedKeys {
		known = append(known, k)
	}
	known = append(known, harmlessKeys...)
	slices.Sort(known)
	return known
}
