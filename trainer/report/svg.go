package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

type point struct{ x, y float64 }

// line is one series. A marked one has few points, drawn as dots joined by a dashed line.
type line struct {
	label  string
	points []point
	marked bool
}

// Geometry of a chart in SVG units.
const (
	width      = 460
	height     = 240
	left       = 58
	right      = 12
	top        = 14
	bottom     = 30
	maxPoints  = 600 // a longer series is thinned by averaging neighbours
	tickTarget = 5
)

// frame maps data to the plane.
type frame struct{ x0, x1, y0, y1 float64 }

func (f frame) x(v float64) float64 { return left + (v-f.x0)/(f.x1-f.x0)*(width-left-right) }
func (f frame) y(v float64) float64 {
	return height - bottom - (v-f.y0)/(f.y1-f.y0)*(height-top-bottom)
}

// draw makes one figure: title, chart, legend.
func draw(title, unit string, lines []line, bounds []float64) template.HTML {
	f := fit(lines)
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><figcaption>%s`, template.HTMLEscapeString(title))
	if unit != "" {
		fmt.Fprintf(&b, ` <small>%s</small>`, template.HTMLEscapeString(unit))
	}
	fmt.Fprintf(&b, `</figcaption><svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height, template.HTMLEscapeString(title))
	axes(&b, f)
	for _, x := range bounds {
		fmt.Fprintf(&b, `<line class="bound" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, f.x(x), f.x(x), top, height-bottom)
	}
	for i, l := range lines {
		series(&b, f, l, i)
	}
	b.WriteString(`</svg><div class="legend">`)
	for i, l := range lines {
		fmt.Fprintf(&b, `<span class="s%d">%s</span>`, i, template.HTMLEscapeString(l.label))
	}
	b.WriteString(`</div></figure>`)
	return template.HTML(b.String()) // every text in it is escaped above
}

// fit finds the range of the data with a little room, never of zero size.
func fit(lines []line) frame {
	f := frame{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	for _, l := range lines {
		for _, p := range l.points {
			f.x0, f.x1 = min(f.x0, p.x), max(f.x1, p.x)
			f.y0, f.y1 = min(f.y0, p.y), max(f.y1, p.y)
		}
	}
	if f.x1 == f.x0 {
		f.x0, f.x1 = f.x0-1, f.x1+1
	}
	room := 0.05 * (f.y1 - f.y0)
	if room == 0 {
		room = max(math.Abs(f.y1)*0.1, 1e-9)
	}
	f.y0, f.y1 = f.y0-room, f.y1+room
	return f
}

func axes(b *strings.Builder, f frame) {
	for _, v := range ticks(f.y0, f.y1) {
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, width-right, f.y(v), f.y(v), left-6, f.y(v)+4, tick(v))
	}
	for _, v := range ticks(f.x0, f.x1) {
		if v == math.Trunc(v) {
			fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, f.x(v), height-bottom+18, tick(v))
		}
	}
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`, left, width-right, height-bottom, height-bottom)
}

// tick prints a round number.
func tick(v float64) string {
	if v == 0 {
		return "0" // not -0
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// ticks are round numbers within a range: multiples of 1, 2 or 5 times a power of ten.
func ticks(low, high float64) []float64 {
	raw := (high - low) / tickTarget
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := power
	for _, m := range []float64{1, 2, 5, 10} {
		if step = m * power; step >= raw {
			break
		}
	}
	var out []float64
	for i := math.Ceil(low / step); i*step <= high; i++ {
		out = append(out, i*step)
	}
	return out
}

func series(b *strings.Builder, f frame, l line, index int) {
	points := thin(l.points)
	text := make([]string, len(points))
	for i, p := range points {
		text[i] = fmt.Sprintf("%.1f,%.1f", f.x(p.x), f.y(p.y))
	}
	class := fmt.Sprintf("s%d", index)
	if l.marked {
		class += " dashed"
	}
	fmt.Fprintf(b, `<polyline class="%s" points="%s"/>`, class, strings.Join(text, " "))
	if l.marked || len(points) == 1 {
		for _, p := range points {
			fmt.Fprintf(b, `<circle class="s%d" cx="%.1f" cy="%.1f" r="3"/>`, index, f.x(p.x), f.y(p.y))
		}
	}
}

// thin averages runs of neighbours so that a long run's page stays small.
func thin(points []point) []point {
	if len(points) <= maxPoints {
		return points
	}
	run := (len(points) + maxPoints - 1) / maxPoints
	var out []point
	for len(points) > 0 {
		n := min(run, len(points))
		var mean point
		for _, p := range points[:n] {
			mean.x += p.x / float64(n)
			mean.y += p.y / float64(n)
		}
		out, points = append(out, mean), points[n:]
	}
	return out
}
