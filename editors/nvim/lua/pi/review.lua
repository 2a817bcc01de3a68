--- Changes of Pi that wait for the user: read from the server, kept in place while somebody types, decided about.
---
--- The server knows what waits; extmarks know where it is at this moment. After a rest in typing the server is asked
--- again, because typing may have undone a change or become part of one.
local event = require("pi.event")
local hunks = require("pi.hunks")
local paint = require("pi.paint")
local M = {}

--- Rest after typing before the server is asked, and time in which its news are joined, in milliseconds.
local REST, NEWS = 300, 20

--- Called with each review whose hunks are others or elsewhere.
M.on_change = {} ---@type fun(review: pi.Review)[]

---@class pi.Review
---@field session pi.Session
---@field private hunks table<string, pi.EditHunk[]> by URI
---@field private buffers table<string, integer> buffers that have or had hunks, by URI
---@field private stale table<string, true> URIs to ask about
---@field private stale_all boolean
---@field private known boolean whether the server was asked
---@field private waiting fun()[] callbacks for when it has answered
---@field private timer? uv.uv_timer_t
local Review = {}
Review.__index = Review

---@param session pi.Session
---@return pi.Review
function M.new(session)
  return setmetatable({
    session = session,
    hunks = {},
    buffers = {},
    stale = {},
    stale_all = false,
    known = false,
    waiting = {},
  }, Review)
end

--- The reviews of a buffer: those that have hunks in it.
---@param buf integer
---@return pi.Review?
function M.of_buffer(buf)
  local name = vim.api.nvim_buf_get_name(buf)
  if name == "" then
    return nil
  end
  local uri = vim.uri_from_bufnr(buf)
  for _, it in pairs(require("pi.session").all) do
    if #it.review:of(uri) > 0 then
      return it.review
    end
  end
end

-- What waits ----------------------------------------------------------------------------------------------------

--- The buffer of a file, if it is loaded.
---@param uri string
---@return integer?
function M.buffer(uri)
  local name = vim.uri_to_fname(uri)
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buf) and vim.api.nvim_buf_get_name(buf) == name then
      return buf
    end
  end
end

--- Where a hunk is now.
---@param hunk pi.EditHunk
---@return integer first 0-based
---@return integer last exclusive
function Review:rows(hunk)
  local buf = self.buffers[hunk.uri]
  if buf and vim.api.nvim_buf_is_loaded(buf) then
    local first, last = paint.rows(buf, hunk.id)
    if first then
      return first, last
    end
  end
  return hunk.range.start.line, hunk.range["end"].line
end

--- All that wait, by file and line.
---@return pi.EditHunk[]
function Review:all()
  local result = {}
  for _, uri in ipairs(self:files()) do
    vim.list_extend(result, self.hunks[uri])
  end
  return result
end

--- URIs of files in which something waits.
---@return string[]
function Review:files()
  local result = vim.tbl_keys(self.hunks)
  table.sort(result)
  return result
end

--- Those of a file.
---@param uri string
---@return pi.EditHunk[]
function Review:of(uri)
  return self.hunks[uri] or {}
end

--- Those of a file that meet lines.
---@param uri string
---@param first integer 0-based
---@param last integer inclusive
---@return pi.EditHunk[]
function Review:within(uri, first, last)
  return vim.tbl_filter(function(hunk)
    local from, to = self:rows(hunk)
    return from <= last and math.max(to, from + 1) > first
  end, self:of(uri))
end

--- The hunk after (or before) a place, around the end, across files.
---@param uri string
---@param row integer 0-based
---@param forward boolean
---@return pi.EditHunk?
function Review:neighbour(uri, row, forward)
  local all = self:all()
  local from, to, step = 1, #all, 1
  if not forward then
    from, to, step = #all, 1, -1
  end
  for index = from, to, step do
    local hunk = all[index]
    local first, last = self:rows(hunk)
    local beyond
    if hunk.uri ~= uri then
      beyond = (hunk.uri > uri) == forward
    elseif forward then
      beyond = first > row
    else
      beyond = first < row and not hunks.covers(first, last, row)
    end
    if beyond then
      return hunk
    end
  end
  return all[from]
end

-- Reading -------------------------------------------------------------------------------------------------------

---@private
function Review:soon(delay)
  if not self.timer then
    self.timer = assert(vim.uv.new_timer())
  end
  self.timer:start(
    delay,
    0,
    vim.schedule_wrap(function()
      self:read()
    end)
  )
end

--- The server says that hunks are new or were decided about.
function Review:changed()
  self.stale_all = true
  self:soon(NEWS)
end

--- Runs `callback` when it is known what waits, starting the server if need be.
---@param callback fun()
function Review:when_known(callback)
  self.session:when_ready(function(problem)
    if problem then
      return
    elseif self.known then
      return callback()
    end
    self.waiting[#self.waiting + 1] = callback
  end)
end

--- Asks what waits. An answer about text that has changed meanwhile is asked for again.
---@private
function Review:read()
  local whole, uris = self.stale_all, vim.tbl_keys(self.stale)
  self.stale, self.stale_all = {}, false
  if not self.session.client then
    return
  end
  local ticks = {}
  for uri, buf in pairs(self.buffers) do
    ticks[uri] = vim.api.nvim_buf_is_loaded(buf) and vim.api.nvim_buf_get_changedtick(buf) or nil
  end
  local function ask(uri)
    local params = { status = { "pending", "edited" }, texts = true, uri = uri }
    self.session:request("pi/edits/list", params, function(err, edits)
      self.known = true
      -- Without a server nothing waits that could be decided about; it says itself what is wrong.
      if not err and type(edits) == "table" then
        self:take(uri, edits.hunks, ticks)
      end
      local waiting = self.waiting
      self.waiting = {}
      for _, callback in ipairs(waiting) do
        callback()
      end
    end)
  end
  if whole then
    ask(nil)
  else
    vim.tbl_map(ask, uris)
  end
end

--- Takes in what waits, in one file or in all.
---@private
function Review:take(only, all, ticks)
  local by_uri = {} ---@type table<string, pi.EditHunk[]>
  for _, hunk in ipairs(all) do
    -- Neovim and the server do not escape the same characters.
    hunk.uri = vim.uri_from_fname(vim.uri_to_fname(hunk.uri))
    by_uri[hunk.uri] = by_uri[hunk.uri] or {}
    table.insert(by_uri[hunk.uri], hunk)
  end
  local before = self:all()
  local concerned = only and { [only] = true } or {}
  if not only then
    for uri in pairs(self.hunks) do
      concerned[uri] = true
    end
  end
  for uri in pairs(by_uri) do
    concerned[uri] = true
  end
  for uri in pairs(concerned) do
    local buf = self.buffers[uri]
    local tick = buf and vim.api.nvim_buf_is_loaded(buf) and vim.api.nvim_buf_get_changedtick(buf) or nil
    if ticks[uri] and tick ~= ticks[uri] then
      self.stale[uri] = true
      self:soon(NEWS)
    else
      self.hunks[uri] = by_uri[uri] and hunks.sort(by_uri[uri]) or nil
      self:show(uri)
    end
  end
  self:tell(before)
end

--- Takes down where the hunks of a file are now, before they are drawn again.
---@private
function Review:note_places(uri)
  for _, hunk in ipairs(self:of(uri)) do
    local first, last = self:rows(hunk)
    hunk.range.start.line, hunk.range["end"].line = first, last
  end
end

--- Draws the hunks of a file where it is loaded, and follows what is typed there.
---@private
function Review:show(uri)
  local buf = M.buffer(uri)
  if not buf then
    return
  end
  if self.buffers[uri] ~= buf then
    self.buffers[uri] = buf
    self:follow(uri, buf)
  end
  paint.draw(buf, self:of(uri))
end

---@private
function Review:follow(uri, buf)
  local function gone()
    if self.buffers[uri] == buf then
      self.buffers[uri] = nil
    end
    return true
  end
  vim.api.nvim_buf_attach(buf, false, {
    on_lines = function()
      if self.buffers[uri] ~= buf then
        return true
      end
      self.stale[uri] = true
      self:soon(REST)
    end,
    on_detach = gone,
    on_reload = function()
      self.stale[uri] = true
      self:soon(NEWS)
    end,
  })
end

--- A file was loaded into a buffer.
---@param buf integer
function Review:loaded(buf)
  local uri = vim.uri_from_bufnr(buf)
  if self.hunks[uri] then
    self.stale[uri] = true
    self:show(uri)
    self:tell(self:all())
    self:soon(NEWS)
  end
end

--- Draws everything again: what is said beside the changes is different.
function Review:redraw()
  for uri in pairs(self.buffers) do
    self:note_places(uri)
    self:show(uri)
  end
end

--- The loaded buffers in which something waits.
---@return integer[]
function Review:shown_in()
  local result = {}
  for uri in pairs(self.hunks) do
    local buf = self.buffers[uri]
    if buf and vim.api.nvim_buf_is_loaded(buf) then
      result[#result + 1] = buf
    end
  end
  return result
end

local function ids(all)
  return table.concat(
    vim.tbl_map(function(it)
      return it.id .. it.status
    end, all),
    " "
  )
end

---@private
function Review:tell(before)
  local all = self:all()
  self.session.status.hunks = #all
  for _, callback in ipairs(M.on_change) do
    callback(self)
  end
  if ids(before) ~= ids(all) then
    self.session:changed()
    event.emit("PiHunks", { session = self.session.id, count = #all, files = #self:files() })
  end
end

-- Deciding ------------------------------------------------------------------------------------------------------

local function say(text, level)
  vim.notify(text, level or vim.log.levels.INFO, { title = "Pi" })
end

local past = { accept = "Kept", reject = "Rejected", revert = "Reverted", redo = "Redone:" }

--- Says what a decision came to.
---@param verb "accept"|"reject"|"revert"|"redo"
---@param decided pi.EditsDecided
function M.report(verb, decided)
  local done, stay = #decided.hunks, #decided.conflicts
  local parts = {}
  if done > 0 then
    parts[1] = ("%s %s"):format(past[verb], hunks.count(done, "change"))
    if verb == "revert" then
      parts[1] = ("%s in %s"):format(parts[1], hunks.count(#decided.uris, "file"))
    end
  end
  if stay == 1 then
    parts[#parts + 1] = decided.conflicts[1].reason
  elseif stay > 1 then
    parts[#parts + 1] = ("%s stay: %s"):format(hunks.count(stay, "change"), decided.conflicts[1].reason)
  elseif done == 0 then
    parts[1] = verb == "redo" and "There is no decision to take back" or "Nothing to review"
  elseif verb == "reject" or verb == "revert" then
    parts[#parts + 1] = ":Pi redo"
  end
  local beside = hunks.beside(decided.notRestored)
  parts[#parts + 1] = beside
  say(table.concat(parts, " · "), (stay > 0 or beside) and vim.log.levels.WARN or nil)
end

--- Decides about changes.
---@param verb "accept"|"reject"|"redo"
---@param which pi.EditsParams
---@param callback? fun()
function Review:decide(verb, which, callback)
  self.session:when_ready(function(problem)
    if problem then
      return
    end
    self.session:request("pi/edits/" .. verb, which, function(err, decided)
      if err then
        return self.session:report(err)
      end
      -- What was decided does not wait for the server to say so again.
      local before, gone = self:all(), {}
      for _, id in ipairs(verb ~= "redo" and decided.hunks or {}) do
        gone[id] = true
      end
      for uri, all in pairs(self.hunks) do
        local left = vim.tbl_filter(function(it)
          return not gone[it.id]
        end, all)
        if #left < #all then
          self:note_places(uri)
          self.hunks[uri] = left[1] and left or nil
          self:show(uri)
        end
      end
      self:tell(before)
      self:changed()
      M.report(verb, decided)
      if callback then
        callback()
      end
    end)
  end)
end

-- Files that are opened later have hunks from before.
vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
  group = vim.api.nvim_create_augroup("pi.review", {}),
  callback = function(args)
    for _, it in pairs(require("pi.session").all) do
      it.review:loaded(args.buf)
    end
  end,
})

return M
