--- The messages of a session that was opened later, as the history would have shown them when they came.
local describe = require("pi.describe")
local M = {}

local function answer(transcript, blocks)
  for _, block in ipairs(blocks) do
    if block.type == "text" then
      transcript:stream("text", block.text)
      transcript:end_stream()
    elseif block.type == "thinking" and block.thinking then
      transcript:stream("thinking", block.thinking)
      transcript:end_stream()
    elseif block.type == "toolCall" then
      transcript:tool_start(block.id, block.name, block.arguments or {})
    end
  end
end

---@param transcript pi.Transcript
---@param messages pi.AgentMessage[]
function M.messages(transcript, messages)
  for _, message in ipairs(messages) do
    if message.role == "user" then
      local seconds = math.floor((message.timestamp or 0) / 1000)
      local time = os.date("%H:%M", seconds) --[[@as string]]
      transcript:user(describe.text(message.content), { time = time })
    elseif message.role == "assistant" then
      answer(transcript, message.content or {})
      local failure = describe.failure(message)
      if failure then
        transcript:failure(failure)
      end
    elseif message.role == "toolResult" then
      transcript:tool_end(message.toolCallId, message, message.isError)
    end
  end
end

return M
