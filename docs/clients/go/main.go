// A small chat over the JSON lines of `pi --mode rpc`; standard library only.
//
// Every line of stdin is a prompt, or steers the run that is going on; `/stop` stops it. When stdin ends, the chat
// ends with the run. Arguments go to `pi`; PI_BIN names it if it is not in PATH.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// The fields of all records that this program looks at.
type record struct {
	Type                  string
	Message               json.RawMessage // a text in some records
	AssistantMessageEvent struct{ Type, Delta string }
	ToolName              string
	Args                  json.RawMessage
	IsError               bool
	Steering              []string
	ID, Method            string // of a dialog
	Command, Error        string // of an answer
	Success               bool
	Data                  json.RawMessage
}

type message struct {
	Role, StopReason, ErrorMessage string
	Content                        json.RawMessage
}

// A user's message is a string or a list of blocks.
func (m message) text() string {
	var text string
	if json.Unmarshal(m.Content, &text) == nil {
		return text
	}
	var blocks []struct{ Text string }
	_ = json.Unmarshal(m.Content, &blocks)
	for _, block := range blocks {
		text += block.Text
	}
	return text
}

// A connection to one process; both goroutines send, and a record must not be torn.
type connection struct {
	mutex sync.Mutex
	to    io.WriteCloser
}

func (c *connection) send(command map[string]any) {
	line, err := json.Marshal(command)
	if err != nil {
		panic(err) // commands are strings and booleans
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	// If it has ended, the reader sees that as the end of its records.
	_, _ = c.to.Write(append(line, '\n'))
}

func (c *connection) sendLines(from io.Reader) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		switch line = strings.TrimSpace(line); line {
		case "":
		case "/stop":
			c.send(map[string]any{"type": "abort"})
		default:
			// Only looked at while a run is in progress: steer it, instead of refusing the prompt.
			c.send(map[string]any{"type": "prompt", "message": line, "streamingBehavior": "steer"})
		}
		if err != nil {
			// The answer tells whether a run is still in progress.
			c.send(map[string]any{"type": "get_state"})
			return
		}
	}
}

// Shows what happens until there is nothing more to wait for.
func (c *connection) show(from io.Reader) error {
	leaving := false
	// Not a Scanner: it gives up on long lines.
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var event record
		if err := json.Unmarshal(line, &event); err != nil {
			return err
		}
		var said message
		if event.Type == "message_start" || event.Type == "message_end" {
			if err := json.Unmarshal(event.Message, &said); err != nil {
				return err
			}
		}
		switch event.Type {
		case "message_start":
			if said.Role == "user" {
				fmt.Printf("> %s\n", said.text())
			}
		case "message_update":
			switch event.AssistantMessageEvent.Type {
			case "text_delta":
				fmt.Print(event.AssistantMessageEvent.Delta)
			case "text_end":
				fmt.Println()
			}
		case "message_end":
			if said.StopReason == "error" || said.StopReason == "aborted" {
				reason := said.ErrorMessage
				if reason == "" {
					reason = "stopped"
				}
				fmt.Printf("[%s]\n", reason)
			}
		case "tool_execution_start":
			fmt.Printf("[%s %s]\n", event.ToolName, event.Args)
		case "tool_execution_end":
			outcome := "done"
			if event.IsError {
				outcome = "failed"
			}
			fmt.Printf("[%s: %s]\n", event.ToolName, outcome)
		case "queue_update":
			if len(event.Steering) > 0 {
				fmt.Printf("[waiting: %s]\n", strings.Join(event.Steering, ", "))
			}
		case "extension_ui_request":
			switch event.Method {
			case "select", "confirm", "input", "editor":
				// Somebody waits for an answer to this.
				c.send(map[string]any{"type": "extension_ui_response", "id": event.ID, "cancelled": true})
			}
		case "response":
			if !event.Success {
				fmt.Printf("[%s]\n", event.Error)
			} else if event.Command == "get_state" {
				var state struct{ IsStreaming bool }
				if err := json.Unmarshal(event.Data, &state); err != nil {
					return err
				}
				if leaving = true; !state.IsStreaming {
					return nil
				}
			}
		case "agent_settled":
			fmt.Println("[ready]")
			if leaving {
				return nil
			}
		}
	}
}

func run() error {
	name := os.Getenv("PI_BIN")
	if name == "" {
		name = "pi"
	}
	pi := exec.Command(name, append([]string{"--mode", "rpc", "--output-mode", "compact"}, os.Args[1:]...)...)
	pi.Stderr = os.Stderr
	to, err := pi.StdinPipe()
	if err != nil {
		return err
	}
	from, err := pi.StdoutPipe()
	if err != nil {
		return err
	}
	if err := pi.Start(); err != nil {
		return err
	}
	c := &connection{to: to}
	go c.sendLines(os.Stdin)
	shown := c.show(from)
	// The end of its stdin ends it; the session has been saved.
	_ = to.Close()
	if err := pi.Wait(); err != nil {
		return err
	}
	return shown
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
