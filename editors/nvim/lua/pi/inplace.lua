--- Code that Pi changes where it stands (`:Pi edit`): its place, and the new text as the model writes it. That text is
--- only drawn, below the old one, so that typing elsewhere is free meanwhile; it comes into the buffer as one edit.
local context = require("pi.context")
local icon = require("pi.icon")
local M = {}

--- Milliseconds between two drawings.
local FRAME = 33
--- Lines of the new text that are drawn: its end.
local LINES = 20

local ns = vim.api.nvim_create_namespace("pi.inplace")

---@class pi.Inplace
---@field session pi.Session
---@field region pi.Region
---@field drawn? integer extmark of the new text
local changing = {} ---@type pi.Inplace[]

--- The strings in a tool call's arguments, whose JSON comes in pieces.
---@class pi.Arguments
---@field values table<string, string> the newest value of each key, as JSON has it
---@field private key? string what the next value belongs to
---@field private text? string the string that is not at its end
---@field private last? string the string before, which is a key if a colon follows
---@field private held? string half an escape
local Arguments = {}
Arguments.__index = Arguments

---@return pi.Arguments
function M.arguments()
  return setmetatable({ values = {} }, Arguments)
end

---@param piece string
function Arguments:feed(piece)
  if self.held then
    piece, self.held = self.held .. piece, nil
  end
  local at = 1
  while at <= #piece do
    if self.text then
      local stop = piece:find('["\\]', at)
      local mark = stop and piece:sub(stop, stop)
      self.text = self.text .. piece:sub(at, (stop or #piece + 1) - 1)
      at = stop or #piece + 1
      if mark == '"' then
        self.last, self.text, at = self.text, nil, at + 1
      elseif mark == "\\" then
        -- Half an escape waits for its other half.
        local length = piece:sub(at + 1, at + 1) == "u" and 6 or 2
        if at + length - 1 > #piece then
          self.held = piece:sub(at)
          break
        end
        self.text, at = self.text .. piece:sub(at, at + length - 1), at + length
      end
    else
      local mark
      mark, at = piece:match('([":,{}%[%]])()', at)
      if not mark then
        break
      elseif mark == '"' then
        self.text = ""
      elseif mark == ":" then
        self.key, self.last = self.last, nil
      else
        self.key = nil
      end
    end
    if self.key then
      self.values[self.key] = self.text or self.last
    end
  end
  if self.key then
    self.values[self.key] = self.text or self.last
  end
end

--- A string that is at its end.
---@param key string
---@return string?
function Arguments:whole(key)
  return not (self.text and self.key == key) and self:get(key) or nil
end

--- A string as it will be; what is not valid JSON, such as half a surrogate pair, is left as it is.
---@param key string
---@return string?
function Arguments:get(key)
  local raw = self.values[key]
  if not raw then
    return nil
  end
  local ok, text = pcall(vim.json.decode, '"' .. raw .. '"')
  return ok and text or raw
end

--- Marks a place whose code Pi is asked to change.
---@param session pi.Session
---@param region pi.Region
function M.begin(session, region)
  context.pin(region, {
    virt_text = { { icon.get("running") .. " Pi is changing this…", "PiToolRunning" } },
    virt_text_pos = "eol",
  })
  changing[#changing + 1] = { session = session, region = region }
end

---@param it pi.Inplace
local function clear(it)
  if it.drawn and vim.api.nvim_buf_is_valid(it.region.buf) then
    vim.api.nvim_buf_del_extmark(it.region.buf, ns, it.drawn)
  end
  it.drawn = nil
end

--- Lets go of a place.
---@param region pi.Region
function M.finish(region)
  context.unpin(region)
  changing = vim.tbl_filter(function(it)
    if it.region == region then
      clear(it)
    end
    return it.region ~= region
  end, changing)
end

--- The place that was asked about last; of a file, if the model has named one.
---@param session pi.Session
---@param path? string
---@return pi.Inplace?
local function place(session, path)
  local name = path and vim.fs.normalize(path)
  if name and not vim.startswith(name, "/") and not name:match("^%a:") then
    name = vim.fs.joinpath(session.root, name)
  end
  for index = #changing, 1, -1 do
    local it = changing[index]
    if it.session == session and (not name or vim.api.nvim_buf_get_name(it.region.buf) == name) then
      return it
    end
  end
end

---@class pi.InplaceCall
---@field arguments pi.Arguments
---@field timer? uv.uv_timer_t
local calls = {} ---@type table<pi.Session, pi.InplaceCall> being written

local function draw(session, call)
  local text = call.arguments:get("newText")
  local it = text and text ~= "" and place(session, call.arguments:whole("path"))
  for _, other in ipairs(changing) do
    -- The model has named another file meanwhile.
    if other.session == session and other ~= it then
      clear(other)
    end
  end
  if not it or not vim.api.nvim_buf_is_loaded(it.region.buf) then
    return
  end
  local tab = (" "):rep(vim.bo[it.region.buf].tabstop)
  local lines = vim.split(text, "\n", { plain = true })
  local hidden = math.max(0, #lines - LINES)
  local drawn = hidden > 0 and { { { ("… %d lines above"):format(hidden), "PiCost" } } } or {}
  for index = hidden + 1, #lines do
    -- Of an empty line nothing would be seen.
    drawn[#drawn + 1] = { { lines[index] == "" and " " or (lines[index]:gsub("\t", tab)), "PiAdd" } }
  end
  local first, last = context.place(it.region)
  local row = last[2] == 0 and last[1] > first[1] and last[1] - 1 or last[1]
  it.drawn = vim.api.nvim_buf_set_extmark(it.region.buf, ns, row, 0, { id = it.drawn, virt_lines = drawn })
end

local function stop(session)
  local call = calls[session]
  calls[session] = nil
  if call and call.timer then
    call.timer:close()
  end
end

--- Takes in what the model writes.
---@param session pi.Session
---@param update pi.AssistantMessageEvent
function M.take(session, update)
  if #changing == 0 then
    return
  elseif update.type == "toolcall_start" then
    stop(session)
    calls[session] = { arguments = M.arguments() }
  elseif update.type == "toolcall_delta" and calls[session] then
    local call = calls[session]
    call.arguments:feed(update.delta)
    if not call.timer then
      local timer = assert(vim.uv.new_timer())
      call.timer = timer
      timer:start(FRAME, 0, vim.schedule_wrap(function()
        if call.timer == timer then
          call.timer = nil
          timer:close()
          draw(session, call)
        end
      end))
    end
  elseif update.type == "toolcall_end" and calls[session] then
    draw(session, calls[session])
    stop(session)
  end
end

vim.api.nvim_create_autocmd("User", {
  group = vim.api.nvim_create_augroup("pi.inplace", {}),
  pattern = { "PiToolEnd", "PiRunEnd" },
  callback = function(args)
    for _, it in ipairs(changing) do
      if it.session.id == args.data.session then
        -- The text is in the buffer now, or will not come.
        clear(it)
        if args.match == "PiRunEnd" then
          stop(it.session)
          M.finish(it.region)
        end
      end
    end
  end,
})

return M
