package main

import (
	"fmt"
	"strconv"
	"strings"

	"spar/internal/rng"
)

// story is a template of problems. {a} to {d} are numbers, {ab} is the product of the first two, {who} and {other} are names and
// {things} is what is counted.
type story struct {
	steps  int // operations that the answer takes
	text   string
	answer func(a, b, c, d int) int // below 0 where the story makes no sense with these numbers
}

// taken is what is left of a number when others are taken away in turn; -1 when there is not enough, and once it is -1.
func taken(from int, parts ...int) int {
	for _, p := range parts {
		if from -= p; from < 0 {
			return -1
		}
	}
	return from
}

// plus adds to what is left, if anything is.
func plus(left, more int) int {
	if left < 0 {
		return -1
	}
	return left + more
}

// trainStories are what is trained on, heldOutStories what it is measured by: other situations, told in other words.
var (
	trainStories = []story{
		{1, "{who} has {a} {things} and gets {b} more. How many {things} does {who} have now?", func(a, b, _, _ int) int { return a + b }},
		{1, "There are {a} {things} on the table. {who} takes {b} of them away. How many {things} are left on the table?", func(a, b, _, _ int) int { return taken(a, b) }},
		{1, "{who} buys {b} bags with {a} {things} in each. How many {things} does {who} buy?", func(a, b, _, _ int) int { return a * b }},
		{1, "{who} shares {ab} {things} equally among {b} children. How many {things} does each child get?", func(a, _, _, _ int) int { return a }},
		{1, "{who} had {ab} {things} and lost {b} of them. How many {things} does {who} still have?", func(a, b, _, _ int) int { return a*b - b }},
		{1, "{who} has {a} {things} and {other} has {b}. How many {things} do they have together?", func(a, b, _, _ int) int { return a + b }},
		{2, "{who} has {a} {things}, finds {b} more and then loses {c}. How many {things} does {who} have in the end?", func(a, b, c, _ int) int { return taken(a+b, c) }},
		{2, "{who} has {a} {things}. {other} has {b} more than {who}. How many {things} do they have together?", func(a, b, _, _ int) int { return a + a + b }},
		{2, "{who} fills {b} boxes with {a} {things} each and keeps {c} {things} apart. How many {things} are there in all?", func(a, b, c, _ int) int { return a*b + c }},
		{2, "A shop has {a} {things}. It sells {b} in the morning and {c} in the afternoon. How many {things} are left?", func(a, b, c, _ int) int { return taken(a, b, c) }},
		{3, "{who} buys {b} packs of {a} {things}, gives {c} to {other} and then finds {d} more. How many {things} does {who} have now?", func(a, b, c, d int) int { return plus(taken(a*b, c), d) }},
		{3, "{who} has {a} {things}, {other} has {b} more than {who}, and they buy {c} more together. How many {things} do they have in all?", func(a, b, c, _ int) int { return a + a + b + c }},
	}
	heldOutStories = []story{
		{1, "A basket holds {a} {things}. {who} puts another {b} into it. How many {things} does the basket hold then?", func(a, b, _, _ int) int { return a + b }},
		{1, "{who} wants to collect {ab} {things} and has {a} so far. How many {things} are still missing?", func(a, b, _, _ int) int { return a*b - a }},
		{1, "Each of {b} friends brings {a} {things} to the party. How many {things} are brought in total?", func(a, b, _, _ int) int { return a * b }},
		{2, "On Monday {who} counts {a} {things}, on Tuesday {b} and on Wednesday {c}. How many {things} is that altogether?", func(a, b, c, _ int) int { return a + b + c }},
		{2, "{b} shelves hold {a} {things} each. {who} removes {c} of all these {things}. How many {things} remain?", func(a, b, c, _ int) int { return taken(a*b, c) }},
		{3, "{who} starts with {a} {things}, wins {b}, gives away {c} and wins {d} again. How many {things} does {who} end with?", func(a, b, c, d int) int { return plus(taken(a+b, c), d) }},
	}
	names  = []string{"Anna", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Hugo"}
	things = []string{"apples", "books", "coins", "marbles", "pencils", "stamps", "cards", "shells"}
)

// shown are solved problems that come before each one, so that a small model sees what is asked for: one step a sentence, and the
// number alone after ####.
var shown = []message{
	{"user", "Tom has 6 pens and buys 3 more. How many pens does Tom have now?"},
	{"assistant", "Tom has 6 + 3 = 9 pens.\n#### 9"},
	{"user", "Lisa packs 4 bags with 5 nuts in each. How many nuts does she pack?"},
	{"assistant", "Lisa packs 4 * 5 = 20 nuts.\n#### 20"},
}

// tell fills in a story. Its answer is below 0 when the drawn numbers do not fit it.
func (s story) tell(draw *rng.Stream) (problem string, answer int) {
	a, b, c, d := 2+draw.IntN(9), 2+draw.IntN(4), 2+draw.IntN(4), 2+draw.IntN(4)
	who := draw.Perm(len(names))
	fill := strings.NewReplacer("{a}", strconv.Itoa(a), "{b}", strconv.Itoa(b), "{c}", strconv.Itoa(c), "{d}", strconv.Itoa(d), "{ab}", fmt.Sprint(a*b),
		"{who}", names[who[0]], "{other}", names[who[1]], "{things}", things[draw.IntN(len(things))])
	return fill.Replace(s.text), s.answer(a, b, c, d)
}
