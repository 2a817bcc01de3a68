--- The history buffer: text that only grows, in blocks (a prompt, an answer, thinking, a tool call, a notice).
---
--- Everything that arrives within one frame is written in one go, so the cost of a delta does not depend on the
--- length of the chat. States and times are extmarks beside the text: a tool that ends does not rewrite its line.
local config = require("pi.config")
local describe = require("pi.describe")
local fold = require("pi.fold")
local icon = require("pi.icon")
local M = {}

--- Milliseconds between two writes.
local FRAME = 33
--- Lines of a tool's output that are shown.
local BODY_LINES = 40
--- So many tools in a row that only look become one line.
local ROW = 3

--- How the result of a call begins that the user has ended.
local SKIPPED = "The user skipped this call."

local ns = vim.api.nvim_create_namespace("pi.transcript")

---@class pi.Block
---@field kind "user"|"text"|"thinking"|"tool"|"notice"|"details"
---@field head? integer extmark on the first line
---@field tail? integer extmark on the last line
---@field group? string highlight of the first line
---@field name? string of the tool
---@field chunks? string[] streamed text that is not written yet
---@field title? string
---@field shown? string tool output on screen so far
---@field args? table of the tool call
---@field beside? pi.Block[] tools in a row that only look, this one among them
---@field over? boolean the tool call has ended
---@field output? string all that the tool said
---@field keep_open? boolean never folded
---@field mark? {[1]: string, [2]: string} text and highlight at the right of the first line

---@class pi.Transcript
---@field buf integer
---@field private root string
---@field private blocks pi.Block[]
---@field private tools table<string, pi.Block>
---@field private open? pi.Block the block that streaming text goes to
---@field private pending fun(self: pi.Transcript)[]
---@field private timer? uv.uv_timer_t
---@field private streaming? "text"|"thinking" what `last_chunks` belongs to
---@field private last_chunks? string[]
---@field private answering? boolean the agent's heading has been written
---@field private quiet pi.Block[] the tools at the end that only look
---@field private follow integer[] windows that follow the end
---@field private joins table<integer, pi.Block[]> tools that are one line, by the mark of the first one's head
local Transcript = {}
Transcript.__index = Transcript

---@param root string
---@return pi.Transcript
function M.new(root)
  local buf = vim.api.nvim_create_buf(false, true)
  local self = setmetatable({ buf = buf, root = root, blocks = {}, tools = {}, pending = {}, quiet = {}, joins = {}, follow = {} }, Transcript)
  vim.bo[buf].bufhidden = "hide"
  vim.bo[buf].undolevels = -1
  vim.bo[buf].swapfile = false
  vim.bo[buf].modifiable = false
  vim.bo[buf].filetype = "pi-chat"
  vim.treesitter.language.register("markdown", "pi-chat")
  pcall(vim.treesitter.start, buf, "markdown")
  vim.api.nvim_create_autocmd("BufWinEnter", {
    buffer = buf,
    callback = function()
      self:fold_window(vim.api.nvim_get_current_win())
    end,
  })
  return self
end

--- Names the buffer after its session.
---@param id string
function Transcript:name(id)
  local name = "pi://" .. id
  if vim.api.nvim_buf_get_name(self.buf) ~= name then
    pcall(vim.api.nvim_buf_set_name, self.buf, name)
  end
end

-- Writing -------------------------------------------------------------------------------------------------------

--- Queues a change of the buffer for the next frame.
---@private
function Transcript:later(change)
  self.pending[#self.pending + 1] = change
  if not self.timer then
    self.timer = assert(vim.uv.new_timer())
  end
  if not self.timer:is_active() then
    self.timer:start(
      FRAME,
      0,
      vim.schedule_wrap(function()
        self:flush()
      end)
    )
  end
end

--- Windows that show the end and should go on showing it.
---@private
function Transcript:followers()
  if not config.get().chat.follow then
    return {}
  end
  local last = vim.api.nvim_buf_line_count(self.buf)
  return vim.tbl_filter(function(win)
    local row = vim.api.nvim_win_get_cursor(win)[1]
    -- Neovim moves the cursor to the first line of a closed fold.
    return row == last
      or vim.api.nvim_win_call(win, function()
        return vim.fn.foldclosedend(row) == last
      end)
  end, vim.fn.win_findbuf(self.buf))
end

--- Writes what is queued.
function Transcript:flush()
  if #self.pending == 0 or not vim.api.nvim_buf_is_valid(self.buf) then
    self.pending = {}
    return
  end
  local followers, changes = self:followers(), self.pending
  self.follow = followers
  self.pending = {}
  vim.bo[self.buf].modifiable = true
  local ok, problem = xpcall(function()
    for _, change in ipairs(changes) do
      change(self)
    end
    self:write_open()
  end, debug.traceback)
  vim.bo[self.buf].modifiable = false
  vim.bo[self.buf].modified = false
  local last = vim.api.nvim_buf_line_count(self.buf)
  for _, win in ipairs(followers) do
    vim.api.nvim_win_set_cursor(win, { last, 0 })
  end
  if not ok then
    error(problem, 0)
  end
end

---@private
function Transcript:row(mark)
  return vim.api.nvim_buf_get_extmark_by_id(self.buf, ns, mark, {})[1]
end

---@private
function Transcript:append(block, text)
  local row = self:row(block.tail)
  local line = vim.api.nvim_buf_get_lines(self.buf, row, row + 1, true)[1]
  local lines = vim.split(text, "\n", { plain = true })
  vim.api.nvim_buf_set_text(self.buf, row, #line, row, #line, lines)
  vim.api.nvim_buf_set_extmark(self.buf, ns, row + #lines - 1, 0, { id = block.tail })
end

--- The first line is the caller's.
local function indented(text)
  return (text:gsub("\n", "\n    "))
end

local machinery = { tool = true, thinking = true, details = true }

--- Whether a finished tool stays unfolded: what went wrong or changed a file is never hidden.
local function stays_open(name, failed, changed)
  local wanted = config.get().chat.tools
  return failed or changed or wanted == "full" or wanted == "normal" and name == "bash"
end

--- Begins a block below everything else.
---@private
function Transcript:begin(block)
  local before = self.blocks[#self.blocks]
  local looks = block.kind == "tool" and describe.is_quiet(block.name)
  if not looks and #self.quiet > 0 then
    local row = self.quiet
    self.quiet = {}
    self:join(row)
  elseif looks then
    block.beside = self.quiet
    self.quiet[#self.quiet + 1] = block
  end
  local last = vim.api.nvim_buf_line_count(self.buf)
  if before then
    local gap = machinery[before.kind] and machinery[block.kind] and { "" } or { "", "" }
    vim.api.nvim_buf_set_lines(self.buf, last, last, false, gap)
    last = last + #gap
  end
  -- The head must stay where it is when text is put behind it.
  block.head = vim.api.nvim_buf_set_extmark(self.buf, ns, last - 1, 0, { right_gravity = false })
  block.tail = vim.api.nvim_buf_set_extmark(self.buf, ns, last - 1, 0, {})
  self.blocks[#self.blocks + 1] = block
  return block
end

--- Highlights the first line of a block and puts a mark at its right end.
---@private
function Transcript:decorate(block, group)
  local row = self:row(block.head)
  block.group = group or block.group
  vim.api.nvim_buf_set_extmark(self.buf, ns, row, 0, {
    id = block.head,
    right_gravity = false,
    line_hl_group = block.group,
    virt_text = block.mark and { block.mark } or nil,
    virt_text_pos = block.mark and "right_align" or nil,
  })
end

--- Writes the streamed text that has come together, in one call.
---@private
function Transcript:write_open()
  local open = self.open
  if not open or not open.chunks[1] then
    return
  end
  local text = table.concat(open.chunks)
  open.chunks = {}
  if not open.tail then
    text = text:gsub("^%s+", "")
    if text == "" then
      return
    end
    self:begin(open)
    if open.kind == "thinking" then
      self:append(open, icon.get("fold") .. " thinking\n    ")
      self:decorate(open, "PiThinking")
    end
  end
  self:append(open, open.kind == "thinking" and indented(text) or text)
end

--- Streamed text must be in the buffer before anything below it.
---@private
function Transcript:close_open()
  self:write_open()
  local open = self.open
  self.open = nil
  if open and open.kind == "thinking" and open.tail then
    self:fold(open)
  end
end

-- What can be shown ---------------------------------------------------------------------------------------------

--- A message of the user.
---@param text string
---@param meta {time?: string, chips?: string[], steered?: integer}
function Transcript:user(text, meta)
  self:later(function()
    self:close_open()
    local block = self:begin({ kind = "user", keep_open = true })
    self:append(block, "## You" .. (meta.time and "  " .. meta.time or ""))
    if meta.steered then
      block.mark = { ("steered at step %d"):format(meta.steered), "PiQueue" }
    end
    self:decorate(block, "PiUser")
    self:append(block, "\n\n" .. text)
    if meta.chips and #meta.chips > 0 then
      vim.api.nvim_buf_set_extmark(self.buf, ns, self:row(block.head) + 2, 0, {
        virt_text = { { table.concat(meta.chips, " "), "PiChip" } },
        virt_text_pos = "eol",
      })
    end
    self.answering = false
  end)
end

--- Text or thinking of the model, as it comes.
---@param kind "text"|"thinking"
---@param delta string
function Transcript:stream(kind, delta)
  if kind == "thinking" and config.get().chat.thinking == "never" then
    return
  end
  if self.streaming == kind and #self.pending > 0 then
    -- The frame is already on its way; nothing but the text has to be remembered.
    local chunks = self.last_chunks
    chunks[#chunks + 1] = delta
    return
  end
  self.streaming = kind
  local chunks = { delta }
  self.last_chunks = chunks
  self:later(function()
    self.streaming = nil
    if not self.open or self.open.kind ~= kind then
      self:close_open()
      self:answer_heading()
      local keep_open = kind == "text" or config.get().chat.thinking == "always"
      self.open = { kind = kind, keep_open = keep_open, chunks = {} }
    end
    vim.list_extend(self.open.chunks, chunks)
  end)
end

--- The heading of the agent's part, once after each message of the user.
---@private
function Transcript:answer_heading()
  if not self.answering then
    self.answering = true
    local block = self:begin({ kind = "notice", keep_open = true })
    self:append(block, "## Pi")
    self:decorate(block, "PiAgent")
  end
end

--- The streamed block is complete.
function Transcript:end_stream()
  self.streaming = nil
  self:later(self.close_open)
end

--- A tool starts.
---@param id string
---@param name string
---@param args table
function Transcript:tool_start(id, name, args)
  self.streaming = nil
  self:later(function()
    self:close_open()
    self:answer_heading()
    local title = vim.trim(name .. " " .. describe.arguments(args, self.root))
    local block = self:begin({ kind = "tool", title = title, name = name, args = args, shown = "" })
    self:append(block, ("%s %s"):format(icon.get("fold"), title))
    block.mark = { icon.get("running"), "PiToolRunning" }
    self:decorate(block, "PiTool")
    self.tools[id] = block
  end)
end

--- A bounded view of what a tool printed: the beginning, or for a command the end.
local function body(name, text)
  local lines = vim.split((text:gsub("\r\n", "\n"):gsub("%s+$", "")), "\n", { plain = true })
  local hidden = #lines - BODY_LINES
  if hidden <= 0 then
    return table.concat(lines, "\n")
  end
  if name == "bash" then
    return ("… %d earlier lines\n"):format(hidden) .. table.concat(lines, "\n", hidden + 1)
  end
  return table.concat(lines, "\n", 1, BODY_LINES) .. ("\n… %d more lines"):format(hidden)
end

--- Replaces a tool's output; only what is new is written when the old is its beginning.
---@private
function Transcript:show_output(block, text)
  if text == block.shown then
    return
  end
  local head = self:row(block.head)
  if vim.startswith(text, block.shown) then
    local new = text:sub(#block.shown + 1)
    self:append(block, indented(block.shown == "" and "\n" .. new or new))
  else
    vim.api.nvim_buf_set_lines(self.buf, head + 1, self:row(block.tail) + 1, true, {})
    vim.api.nvim_buf_set_extmark(self.buf, ns, head, 0, { id = block.tail })
    self:append(block, indented("\n" .. text))
  end
  block.shown = text
end

--- A running tool has output.
---@param id string
---@param result pi.ToolResult
function Transcript:tool_update(id, result)
  self:later(function()
    local block = self.tools[id]
    local text = describe.text(result.content)
    if block and text ~= "" then
      self:show_output(block, body(block.name, text))
    end
  end)
end

--- The hunks of a unified diff, without the names of its files.
---@param patch string
---@return string
local function hunks_of(patch)
  return (patch:gsub("^.-\n(@@)", "%1"))
end

--- A tool is over.
---@param id string
---@param result pi.ToolResult
---@param failed boolean
function Transcript:tool_end(id, result, failed)
  self:later(function()
    local block = self.tools[id]
    if not block then
      return
    end
    self.tools[id] = nil
    local details = type(result.details) == "table" and result.details or {}
    -- An edit in whose place the user has typed was not made; it is shown what it was.
    local conflict = failed and type(details.conflict) == "table" and details.conflict or nil
    details = failed and {} or details
    -- An edit that is only shown (`review.mode` `plan`) has a patch.
    local planned = details.planned == true and type(details.patch) == "string"
    local diff = planned and hunks_of(details.patch) or details.diff
    if conflict then
      diff = conflict.headline .. "\n" .. hunks_of(conflict.patch)
    end
    local text = type(diff) == "string" and diff or describe.text(result.content)
    block.output = text
    if vim.trim(text) ~= "" then
      self:show_output(block, body(diff and "edit" or block.name, text))
    end
    if diff then
      self:color_diff(block)
    end
    local skipped = failed and vim.startswith(text, SKIPPED)
    block.mark = skipped and { "skipped", "PiCost" }
      or failed and { icon.get("failed"), "PiToolError" }
      or planned and { "not made", "PiWaiting" }
      or { icon.get("ok"), "PiToolOk" }
    self:decorate(block, failed and not skipped and "PiToolError" or "PiTool")
    block.keep_open = stays_open(block.name, failed, diff and true or false)
    block.over = true
    self:fold(block)
    if block.beside and block.beside ~= self.quiet then
      self:join(block.beside)
    end
  end)
end

---@private
function Transcript:color_diff(block)
  local head = self:row(block.head)
  local lines = vim.api.nvim_buf_get_lines(self.buf, head + 1, self:row(block.tail) + 1, true)
  for index, line in ipairs(lines) do
    local sign = line:sub(5, 5)
    local group = sign == "+" and "PiAdd" or sign == "-" and "PiRemoved"
    if group then
      vim.api.nvim_buf_set_extmark(self.buf, ns, head + index, 4, { end_col = #line, hl_group = group })
    end
  end
end

--- Something that is neither prompt nor answer: an error, a retry.
---@param text string
---@param group string
function Transcript:notice(text, group)
  self.streaming = nil
  self:later(function()
    self:close_open()
    local block = self:begin({ kind = "notice", keep_open = true })
    self:append(block, text)
    local first, last = self:row(block.head), self:row(block.tail)
    for row = first, last do
      vim.api.nvim_buf_set_extmark(self.buf, ns, row, 0, { line_hl_group = group })
    end
  end)
end

--- What went wrong, in words, and what can be done about it; folded below, what the provider said.
---@param failure pi.Failure
function Transcript:failure(failure)
  self:notice(failure.headline .. "\n" .. describe.help(failure), "PiToolError")
  if not failure.details then
    return
  end
  self:later(function()
    local block = self:begin({ kind = "details" })
    self:append(block, icon.get("fold") .. " details" .. indented("\n" .. failure.details))
    self:decorate(block, "PiCost")
    self:fold(block)
  end)
end

--- The line under a finished run. A tool that never ended is marked so.
---@param text string
function Transcript:rule(text)
  self.streaming = nil
  self:later(function()
    self:close_open()
    for id, block in pairs(self.tools) do
      block.over = true
      block.mark = { icon.get("skipped"), "PiCost" }
      self:decorate(block)
      self.tools[id] = nil
    end
    local block = self:begin({ kind = "notice", keep_open = true })
    vim.api.nvim_buf_set_extmark(self.buf, ns, self:row(block.head), 0, {
      virt_text = { { icon.get("rule"):rep(3) .. " " .. text, "PiRule" } },
      virt_text_pos = "overlay",
    })
    self.answering = false
  end)
end

-- Folding and moving --------------------------------------------------------------------------------------------

--- Line numbers of a block, 1-based; nothing if it has no body to fold.
---@private
function Transcript:lines(block)
  if not block.tail or block.keep_open or not machinery[block.kind] then
    return nil
  end
  local first, last = self:row(block.head) + 1, self:row(block.tail) + 1
  return last > first and first or nil, last
end

---@private
function Transcript:fold(block)
  local first, last = self:lines(block)
  if first then
    for _, win in ipairs(vim.fn.win_findbuf(self.buf)) do
      fold.lines(win, first, last)
    end
  end
end

--- Makes one line of tools in a row that only look, once all of them are over. One that stays open parts them.
---@private
---@param row pi.Block[]
function Transcript:join(row)
  if vim.iter(row):any(function(block)
    return not block.over
  end) then
    return
  end
  local part = {}
  for index = 1, #row + 1 do
    local block = row[index]
    if block and not block.keep_open then
      part[#part + 1] = block
    else
      if #part >= ROW then
        self.joins[part[1].head] = part
        for _, win in ipairs(vim.fn.win_findbuf(self.buf)) do
          local first, last = self:part_lines(part)
          local at = vim.api.nvim_win_get_cursor(win)[1]
          -- Where somebody reads, nothing closes.
          if at < first or at > last or vim.tbl_contains(self.follow, win) then
            fold.lines(win, first, last)
          end
        end
      end
      part = {}
    end
  end
end

--- Line numbers of joined blocks, 1-based.
---@private
---@param part pi.Block[]
function Transcript:part_lines(part)
  return self:row(part[1].head) + 1, self:row(part[#part].tail) + 1
end

--- What the tools in these lines come to, if they are one line.
---@param first integer
---@param last integer
---@return string?
function Transcript:joined(first, last)
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(self.buf, ns, { first - 1, 0 }, { first - 1, -1 }, {})) do
    local part = self.joins[mark[1]]
    if part and select(2, self:part_lines(part)) == last then
      return ("%s %s"):format(icon.get("fold"), describe.together(part, self.root))
    end
  end
end

--- Makes all folds in a window that begins to show the buffer.
---@param win integer
function Transcript:fold_window(win)
  fold.clear(win)
  for _, block in ipairs(self.blocks) do
    local first, last = self:lines(block)
    if first then
      fold.lines(win, first, last)
    end
  end
  for _, part in pairs(self.joins) do
    fold.lines(win, self:part_lines(part))
  end
end

--- Rows (1-based) at which turns begin.
---@return integer[]
function Transcript:turns()
  local rows = {}
  for _, block in ipairs(self.blocks) do
    if block.kind == "user" then
      rows[#rows + 1] = self:row(block.head) + 1
    end
  end
  return rows
end

--- The tool call at a line, from 1.
---@param row integer
---@return pi.Block?
function Transcript:tool_at(row)
  return vim.iter(self.blocks):find(function(it)
    return it.kind == "tool" and it.tail and self:row(it.head) < row and row <= self:row(it.tail) + 1
  end)
end

--- The call to skip: the one at a line if it runs, else the one that began last.
---@param row? integer from 1
---@return string?
function Transcript:running(row)
  local at, last = row and self:tool_at(row), nil
  for id, block in pairs(self.tools) do
    if block == at then
      return id
    elseif not last or self:row(block.head) > self:row(self.tools[last].head) then
      last = id
    end
  end
  return last
end

function Transcript:delete()
  if self.timer then
    self.timer:stop()
    self.timer:close()
    self.timer = nil
  end
  if vim.api.nvim_buf_is_valid(self.buf) then
    vim.api.nvim_buf_delete(self.buf, { force = true })
  end
end

return M
