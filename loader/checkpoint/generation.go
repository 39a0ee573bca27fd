package checkpoint

import "spar/internal/strictjson"

// GenerationConfig is what generation_config.json says. A number that is not given is 0.
type GenerationConfig struct {
	BOS, Pad    int // -1: not given
	EOS         []int
	Temperature float64
	TopP        float64
	TopK        int
}

// parseGeneration reads a generation_config.json; data is nil when there is none. Keys that are not
// needed are ignored: they do not change the model.
func parseGeneration(data []byte, name string, c *Config) (GenerationConfig, error) {
	g := GenerationConfig{BOS: -1, Pad: -1}
	if data == nil {
		return g, nil
	}
	root, r, err := strictjson.Parse(data, name, maxConfigDepth)
	if err != nil {
		return g, err
	}
	if root.Kind != '{' {
		return g, r.ErrorAt(root.At, "a generation config must be a JSON object; correct it or remove the file")
	}
	k := &configKeys{r: r, root: root, used: map[string]bool{}}
	ids := &Config{VocabSize: c.VocabSize}
	k.tokens(ids)
	g.BOS, g.EOS, g.Pad = ids.BOS, ids.EOS, ids.Pad
	g.Temperature, g.TopP, g.TopK = k.optionalFloat("temperature"), k.optionalFloat("top_p"), k.int("top_k", 0)
	if k.err != nil {
		return g, k.err
	}
	if key, err := ids.badID(); err != nil {
		return g, k.at(key, "%v", err)
	}
	return g, nil
}

// optionalFloat reads a number; missing and null are 0.
func (k *configKeys) optionalFloat(key string) float64 {
	if v, given := k.get(key); given && v.Kind == 'n' {
		return 0
	}
	return k.float(key, 0)
}

// marshal writes the file for a model that has none.
func (g GenerationConfig) marshal(c *Config) ([]byte, error) {
	o := &object{}
	o.put("bos_token_id", idOrNull(c.BOS))
	eos := g.EOS
	if len(eos) == 0 {
		eos = c.EOS
	}
	o.put("eos_token_id", idsOrNull(eos))
	o.put("pad_token_id", idOrNull(c.Pad))
	return o.bytes()
}
