--- `:Pi review`: a quickfix list of all that waits, keys in the buffers, and words beside the changes. It ends by itself
--- with the last change and leaves everything as it was.
local base = require("pi.base")
local config = require("pi.config")
local hunks = require("pi.hunks")
local icon = require("pi.icon")
local paint = require("pi.paint")
local review = require("pi.review")
local window = require("pi.window")
local M = {}

---@class pi.Walk
---@field review pi.Review
---@field list integer id of the quickfix list
---@field opened? integer the list's window, if it was opened for this
---@field total integer
local walk ---@type pi.Walk?

-- Going there ---------------------------------------------------------------------------------------------------

--- Goes to a change.
---@param it pi.Review
---@param hunk pi.EditHunk
function M.reveal(it, hunk)
  local path = vim.uri_to_fname(hunk.uri)
  if hunks.deleted(hunk) then
    vim.api.nvim_set_current_win(window.for_files())
    vim.api.nvim_win_set_buf(0, base.buffer(path))
    return
  end
  local win = window.go_to(path)
  it:loaded(vim.api.nvim_get_current_buf())
  vim.cmd("normal! m'")
  local first = it:rows(hunk)
  vim.api.nvim_win_set_cursor(win, { math.min(first + 1, vim.api.nvim_buf_line_count(0)), 0 })
  vim.cmd("normal! zv")
  paint.reveal_top(win)
end

-- Keys ----------------------------------------------------------------------------------------------------------

local keys = {
  { "]h", "pi-hunk-next", "next change" },
  { "[h", "pi-hunk-prev", "previous change" },
  { "<LocalLeader>k", "pi-hunk-keep", "keep the change here" },
  { "<LocalLeader>x", "pi-hunk-reject", "reject the change here" },
  { "<LocalLeader>d", "pi-hunk-diff", "show the file beside its old text" },
}

--- The key that the user has mapped for it everywhere, if there is one.
---@param name string
---@return string?
local function own_key(name)
  local plug = ("<Plug>(%s)"):format(name)
  for _, map in ipairs(vim.api.nvim_get_keymap("n")) do
    if map.rhs == plug then
      return map.lhs
    end
  end
end

--- What was mapped before, by buffer and key.
local before = {} ---@type table<integer, table<string, table|false>>

local function map_keys(buf)
  before[buf] = {}
  for _, key in ipairs(keys) do
    local lhs = key[1]
    -- Who has a key of their own for it keeps that one.
    if not own_key(key[2]) then
      local old = vim.api.nvim_buf_call(buf, function()
        return vim.fn.maparg(lhs, "n", false, true)
      end)
      before[buf][lhs] = old.buffer == 1 and old or false
      vim.keymap.set("n", lhs, ("<Plug>(%s)"):format(key[2]), { buffer = buf, desc = "Pi: " .. key[3] })
    end
  end
end

local function unmap_keys(buf)
  local old = before[buf]
  before[buf] = nil
  if not vim.api.nvim_buf_is_valid(buf) then
    return
  end
  for lhs, map in pairs(old) do
    pcall(vim.keymap.del, "n", lhs, { buffer = buf })
    if map then
      vim.api.nvim_buf_call(buf, function()
        vim.fn.mapset("n", false, map)
      end)
    end
  end
end

--- The key for it while a review is on.
local function key_of(name)
  local own = own_key(name)
  if own or config.get().review.keys == false then
    return own
  end
  for _, key in ipairs(keys) do
    if key[2] == name then
      local leader = vim.g.maplocalleader or "\\"
      return (key[1]:gsub("<LocalLeader>", function()
        return vim.fn.keytrans(leader)
      end))
    end
  end
end

--- Maps the keys where something waits, and only there.
local function update_keys()
  local wanted, when = {}, config.get().review.keys
  for _, it in pairs(require("pi.session").all) do
    if when == "always" or when == "session" and walk and walk.review == it.review then
      for _, buf in ipairs(it.review:shown_in()) do
        wanted[buf] = true
      end
      for _, uri in ipairs(it.review:files()) do
        local old = review.buffer("pi-base://" .. vim.uri_to_fname(uri))
        if old then
          wanted[old] = true
        end
      end
    end
  end
  for buf in pairs(before) do
    -- While a review is on, the next change is a key away also where the last one of a file was decided about.
    if not wanted[buf] and not (walk and when == "session") then
      unmap_keys(buf)
    end
  end
  for buf in pairs(wanted) do
    if not before[buf] then
      map_keys(buf)
    end
  end
end

-- The list ------------------------------------------------------------------------------------------------------

local function item(it, hunk)
  local text = hunks.lines(hunk.addedText)[1] or hunks.lines(hunk.removedText)[1] or ""
  local path = vim.uri_to_fname(hunk.uri)
  local parts = { hunk.binary and "binary file " .. hunk.binary or hunks.size(hunk) }
  if hunk.binary then
    text = ""
  elseif hunk.file then
    parts[#parts + 1] = hunk.file
  end
  if hunk.status == "edited" then
    parts[#parts + 1] = "you edited this since"
  end
  parts[#parts + 1] = vim.trim(text)
  return {
    filename = hunks.deleted(hunk) and "pi-base://" .. path or path,
    lnum = hunks.deleted(hunk) and 1 or it:rows(hunk) + 1,
    text = table.concat(parts, "  "),
  }
end

local function items(it)
  return vim.tbl_map(function(hunk)
    return item(it, hunk)
  end, it:all())
end

--- What stands behind a change: which of how many, and the keys.
local function hint(hunk)
  if hunk.status == "edited" then
    return icon.get("pi") .. " you edited this since; your text stays"
  end
  local all = walk and walk.review:all() or {}
  for index, other in ipairs(all) do
    if other.id == hunk.id then
      local text = ("%s %d/%d"):format(icon.get("pi"), index, #all)
      for _, verb in ipairs({ "keep", "reject" }) do
        local key = key_of("pi-hunk-" .. verb)
        text = key and ("%s %s %s"):format(text, verb, key) or text
      end
      return text
    end
  end
end

local function finish()
  local done = walk
  walk, paint.hint = nil, nil
  if not done then
    return
  end
  update_keys()
  done.review:redraw()
  if done.opened and vim.api.nvim_win_is_valid(done.opened) and #vim.api.nvim_tabpage_list_wins(0) > 1 then
    vim.api.nvim_win_close(done.opened, true)
  end
  local current = vim.fn.getqflist({ id = 0, nr = 0 })
  if current.id == done.list then
    vim.fn.setqflist({}, "r", { id = done.list, items = {} })
    if current.nr > 1 then
      vim.cmd("silent colder")
    end
  end
end

local function update(it)
  if walk and walk.review == it then
    local all = items(it)
    if #all == 0 then
      finish()
      return vim.notify("Nothing left to review", vim.log.levels.INFO, { title = "Pi" })
    end
    local at = vim.fn.getqflist({ id = walk.list, idx = 0 }).idx
    vim.fn.setqflist({}, "r", { id = walk.list, items = all, idx = math.max(1, math.min(at or 1, #all)) })
    if #all ~= walk.total then
      walk.total = #all
      it:redraw()
    end
  end
  update_keys()
end
table.insert(review.on_change, update)

--- Begins a review, or goes on with it.
---@param it pi.Review
function M.start(it)
  if #it:all() == 0 then
    return vim.notify("Nothing to review", vim.log.levels.INFO, { title = "Pi" })
  end
  local shown = vim.fn.getqflist({ winid = 0 }).winid
  local first = it:all()[1]
  if not walk or walk.review ~= it then
    finish()
    vim.fn.setqflist({}, " ", { title = "Pi: changes", items = items(it) })
    walk = { review = it, list = vim.fn.getqflist({ id = 0 }).id, total = #it:all() }
    paint.hint = hint
    it:redraw()
  end
  M.reveal(it, first)
  if shown == 0 then
    local here = vim.api.nvim_get_current_win()
    vim.cmd(("botright copen %d"):format(math.max(2, math.min(10, #it:all()))))
    walk.opened = vim.api.nvim_get_current_win()
    vim.api.nvim_set_current_win(here)
  end
  update_keys()
end

return M
