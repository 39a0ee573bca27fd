package template

// Message is one turn of a conversation.
type Message struct {
	Role, Content string
	Extra         map[string]any // further keys of the turn, such as tool calls
}
