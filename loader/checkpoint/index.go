package checkpoint

import (
	"strings"

	"spar/internal/strictjson"
)

// Limits of model.safetensors.index.json.
const (
	maxIndexBytes = 64 << 20
	maxShards     = 4096
)

// parseIndex reads an index: which shard holds which tensor. Shard names come back in the order in
// which they first appear.
func parseIndex(data []byte, name string) (shardOf map[string]string, shards []string, err error) {
	r, err := strictjson.NewReader(data, name, 16)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]string{} // by lower-case name, for disks that fold case
	err = r.Object(func(key string) error {
		switch key {
		case "metadata":
			return r.Skip()
		case "weight_map":
		default:
			return r.Errorf("the key %s is not known; an index has metadata and weight_map", strictjson.Quote(key))
		}
		shardOf = map[string]string{}
		return r.Object(func(tensor string) error {
			shard, err := r.String()
			if err != nil {
				return err
			}
			shardOf[tensor] = shard
			earlier, seen := known[strings.ToLower(shard)]
			if seen && earlier == shard {
				return nil
			}
			if err := checkFileName(shard); err != nil {
				return r.Errorf("the file name %s %v", strictjson.Quote(shard), err)
			}
			switch {
			case seen:
				return r.Errorf("the file names %s and %s differ only in case; rename one", strictjson.Quote(earlier), strictjson.Quote(shard))
			case len(shards) == maxShards:
				return r.Errorf("there are more than %d files; write the model with larger shards", maxShards)
			}
			known[strings.ToLower(shard)] = shard
			shards = append(shards, shard)
			return nil
		})
	})
	if err == nil {
		err = r.End()
	}
	if err == nil && len(shards) == 0 {
		err = r.ErrorAt(0, "the index has no weight_map with tensors; download the model again")
	}
	return shardOf, shards, err
}
