package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"text/tabwriter"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader/shard"
)

type shardCmd struct {
	Ls     shardLsCmd     `cmd:"" help:"List the shards in a directory and below it."`
	Cat    shardCatCmd    `cmd:"" help:"Print records as JSON lines."`
	Verify shardVerifyCmd `cmd:"" help:"Check every byte of sealed shards."`
	Export shardExportCmd `cmd:"" help:"Compress a sealed shard for storage (zstd)."`
	Import shardImportCmd `cmd:"" help:"Bring an exported shard back."`
}

type shardLsCmd struct {
	Dir  string `arg:"" help:"Run directory, or any with shards." type:"path"`
	JSON bool   `help:"One JSON object a shard."`
}

func (c *shardLsCmd) Run(s streams) error {
	list, err := listShards(c.Dir)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(s.out)
		for _, l := range list {
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "shard\tstate\trecords\tresponse ids\tMiB\tpolicy")
	for _, l := range list {
		state := "open"
		if l.Sealed {
			state = "sealed"
		}
		if l.Error != "" {
			state = "damaged"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.2f\t%.12s\n", l.Name, state, l.Stats.Records, l.Stats.ResponseIDs, mib(l.Stats.Bytes), l.Header.PolicyHash)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range list {
		if l.Error != "" {
			fmt.Fprintln(s.out, l.Error)
		}
	}
	return nil
}

// listShards lists the shards of dir and of the directories in it.
func listShards(dir string) ([]shard.Listed, error) {
	list, err := shard.List(fsys.OS, dir)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || path == dir {
			return err
		}
		more, err := shard.List(fsys.OS, path)
		list = append(list, more...)
		return err
	})
	if err == nil && len(list) == 0 {
		err = fault.Inputf("%s: no shard in it or below it (files ending in %s); give a run directory or its rollouts", dir, shard.Suffix)
	}
	return list, err
}

type shardCatCmd struct {
	Shard string `arg:"" help:"Sealed shard." type:"path"`
	First int    `help:"First record, from 0." default:"0"`
	Count int    `help:"Records; 0: to the end." default:"0"`
}

func (c *shardCatCmd) Run(s streams) error {
	r, err := shard.Open(fsys.OS, c.Shard)
	if err != nil {
		return err
	}
	defer r.Close()
	if c.First < 0 || c.First > r.Len() || c.Count < 0 {
		return fault.Usagef("--first %d --count %d: %s has records 0 to %d", c.First, c.Count, c.Shard, r.Len()-1)
	}
	end := r.Len()
	if c.Count > 0 {
		end = min(end, c.First+c.Count)
	}
	w := bufio.NewWriter(s.out)
	enc := json.NewEncoder(w)
	var rec shard.Record
	for i := c.First; i < end; i++ {
		if err := r.Read(i, &rec); err != nil {
			return err
		}
		if err := enc.Encode(&rec); err != nil {
			return err
		}
	}
	return w.Flush()
}

type shardVerifyCmd struct {
	Shards []string `arg:"" help:"Sealed shards." type:"path"`
}

func (c *shardVerifyCmd) Run(s streams) error {
	for _, name := range c.Shards {
		stats, err := shard.Verify(fsys.OS, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s: sound, %d records in %d blocks, %d bytes\n", name, stats.Records, stats.Blocks, stats.Bytes)
	}
	return nil
}

type shardExportCmd struct {
	Shard string `arg:"" help:"Sealed shard." type:"path"`
	Out   string `arg:"" help:"File to write, usually ending in .zst." type:"path"`
}

func (c *shardExportCmd) Run() error { return shard.Export(fsys.OS, c.Shard, c.Out) }

type shardImportCmd struct {
	In    string `arg:"" help:"Exported file." type:"path"`
	Shard string `arg:"" help:"Shard to write." type:"path"`
}

func (c *shardImportCmd) Run() error { return shard.Import(fsys.OS, c.In, c.Shard) }
