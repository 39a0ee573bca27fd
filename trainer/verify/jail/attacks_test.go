package jail

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAttacks runs every program of testdata/attacks. Each would do harm or be paid for nothing if it could; none
// may pass, touch a canary, learn the secret, or leave anything behind. What is expected is drawn at random, so that
// no program can pass by luck.
func TestAttacks(t *testing.T) {
	needPython(t)
	attack(t, Options{Workers: 2, Timeout: 2 * time.Second, MemoryMB: 64, OutputBytes: 1 << 20})
}

func attack(t *testing.T, o Options) {
	open(t, Options{}).Close() // what this process opens once and keeps
	before := descriptors(t)
	canaries := newCanaries(t)
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	files := attackFiles(t)
	queue := make(chan string, len(files))
	for _, name := range files {
		queue <- name
	}
	close(queue)
	for range o.Workers {
		group.Go(func() {
			for name := range queue {
				attackOnce(t, p, canaries, name)
			}
		})
	}
	group.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if left := canaries.children(t); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	canaries.end()
	if after := descriptors(t); len(after) > len(before)+1 { // one of the network's own
		t.Errorf("descriptors were %q, now they are %q", before, after)
	}
	t.Logf("%d attacks", len(files))
}

func attackFiles(t *testing.T) []string {
	t.Helper()
	python, err := filepath.Glob("testdata/attacks/*.py")
	if err != nil {
		t.Fatal(err)
	}
	starlark, err := filepath.Glob("testdata/attacks/*.star")
	if err != nil {
		t.Fatal(err)
	}
	if len(python) < 30 || len(starlark) < 20 || len(python)+len(starlark) < 60 {
		t.Fatalf("only %d Python and %d Starlark attacks are there", len(python), len(starlark))
	}
	return append(python, starlark...)
}

// attackJob fills in a program's places and makes its tests.
func attackJob(t *testing.T, c *canaries, name string) Job {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Error(err)
	}
	secret := fmt.Sprint(1e9 + rand.IntN(1e9))
	job := Job{Language: "starlark", Program: c.fill(string(text)), Tests: "for n in range(3): check_equal(f(n), @SECRET@ + n)"}
	if filepath.Ext(name) == ".py" {
		job.Language, job.Tests = "python", "for n in range(3): assert f(n) == @SECRET@ + n"
	}
	if _, tests, ok := strings.Cut(string(text), "# tests: "); ok {
		job.Tests, _, _ = strings.Cut(tests, "\n")
		job.Program = strings.Replace(job.Program, tests[:len(job.Tests)], "", 1)
	}
	job.Tests = strings.ReplaceAll(job.Tests, "@SECRET@", secret)
	return job
}

func attackOnce(t *testing.T, p *Pool, c *canaries, name string) {
	job := attackJob(t, c, name)
	r, err := p.Run(context.Background(), job)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	switch r.Verdict {
	case Fail, Timeout, Crash, OOM:
		t.Logf("%-34s %-8s %-8v %.100s", filepath.Base(name), r.Verdict, r.Took.Round(time.Millisecond), r.Detail)
	default:
		t.Errorf("%s was given %q (%s)", name, r.Verdict, r.Detail)
	}
	if said := r.Value + r.Detail + r.Output; strings.Contains(said, c.secret) {
		t.Errorf("%s read the user's file", name)
	}
	if strings.ContainsFunc(r.Detail, func(c rune) bool { return c < ' ' }) {
		t.Errorf("%s put control codes into %q", name, r.Detail)
	}
	for _, touched := range c.touched() {
		t.Errorf("%s: %s", name, touched)
	}
}

// TestCanariesNotice lets some of the attacks loose, unconfined, on canaries that are made for it: what watches them
// must see it, or TestAttacks shows nothing. Those that would harm more than the canaries stay out.
func TestCanariesNotice(t *testing.T) {
	needPython(t)
	for name, sees := range map[string]string{
		"wipe.py": "secret", "overwrite.py": "secret", "links.py": "link", "connect.py": "TCP", "connect_other.py": "socket",
	} {
		t.Run(name, func(t *testing.T) {
			c := newCanaries(t)
			p := open(t, Options{Workers: 1, Timeout: 5 * time.Second, Unconfined: true})
			job := attackJob(t, c, "testdata/attacks/"+name)
			if _, err := p.Run(context.Background(), job); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
			touched := c.touched()
			if !slices.ContainsFunc(touched, func(s string) bool { return strings.Contains(s, sees) }) {
				t.Errorf("noticed %q, want something about %s", touched, sees)
			}
		})
	}
	t.Run("read_secret.py", func(t *testing.T) {
		c := newCanaries(t)
		p := open(t, Options{Workers: 1, Timeout: 5 * time.Second, Unconfined: true})
		r, err := p.Run(context.Background(), attackJob(t, c, "testdata/attacks/read_secret.py"))
		if err != nil || !strings.Contains(r.Output+r.Detail, c.secret) {
			t.Errorf("an unconfined program does not read the secret: %+v, %v", r, err)
		}
	})
}
