--- What the commands and keys of the review do at the cursor, in a file or to all.
local base = require("pi.base")
local hunks = require("pi.hunks")
local review = require("pi.review")
local walk = require("pi.walk")
local M = {}

local function say(text)
  vim.notify(text, vim.log.levels.INFO, { title = "Pi" })
end

--- The review that is meant in the current buffer.
---@return pi.Review it
---@return string uri of the file shown
---@return integer row
local function here()
  local uri = base.uri(0)
  for _, other in pairs(require("pi.session").all) do
    if #other.review:of(uri) > 0 then
      return other.review, uri, vim.api.nvim_win_get_cursor(0)[1] - 1
    end
  end
  return require("pi").session().review, uri, vim.api.nvim_win_get_cursor(0)[1] - 1
end

--- The change at the cursor; where the text from before is shown, that of the file.
---@return pi.EditHunk?
---@return pi.Review
local function at_cursor()
  local it, uri, row = here()
  local deleted = vim.iter(it:of(uri)):find(hunks.deleted)
  return deleted or it:within(uri, row, row)[1], it
end

--- Runs `callback` when it is known what waits.
local function known(callback)
  require("pi").session().review:when_known(callback)
end

---@param verb "accept"|"reject"
---@param opts pi.DecideOptions
local function decide(verb, opts)
  local it, uri = here()
  if opts.scope == "all" then
    return it:decide(verb, { scope = "folder" })
  elseif opts.scope == "file" then
    if #it:of(uri) == 0 then
      return say("Nothing to review in this file")
    end
    return it:decide(verb, { uri = uri })
  elseif opts.first then
    local ids = vim.tbl_map(function(hunk)
      return hunk.id
    end, it:within(uri, opts.first, opts.last))
    if #ids == 0 then
      return say("No change of Pi in these lines")
    end
    return it:decide(verb, { hunks = ids })
  end
  local hunk = at_cursor()
  if not hunk then
    return say(#it:all() == 0 and "Nothing to review" or "No change of Pi here · :Pi review lists them")
  end
  it:decide(verb, { hunks = { hunk.id } })
end

---@class pi.DecideOptions
---@field scope? "hunk"|"file"|"all" default: the change at the cursor
---@field first? integer first row of a range, 0-based
---@field last? integer last row of a range, inclusive

--- Keeps changes that wait.
---@param opts? pi.DecideOptions
function M.keep(opts)
  known(function()
    decide("accept", opts or {})
  end)
end

--- Takes changes that wait out again; what the user wrote since stays.
---@param opts? pi.DecideOptions
function M.reject(opts)
  known(function()
    decide("reject", opts or {})
  end)
end

--- Takes back the last decision: what was taken out is put back, what was kept waits again.
function M.redo()
  known(function()
    here():decide("redo", { scope = "last" })
  end)
end

--- Goes to the next or the previous change, in all files.
---@param forward boolean
function M.step(forward)
  known(function()
    local it, uri, row = here()
    local hunk = it:neighbour(uri, row, forward)
    if not hunk then
      return say("Nothing to review")
    end
    walk.reveal(it, hunk)
  end)
end

--- Shows the change at the cursor with the lines from before, as a whole.
function M.preview()
  local hunk = at_cursor()
  if not hunk then
    return say("No change of Pi here")
  end
  vim.lsp.util.open_floating_preview(hunks.diff(hunk), "diff", { border = "rounded", focus_id = "pi-hunk" })
end

--- Selects the lines of the change at the cursor.
function M.select()
  local hunk, it = at_cursor()
  if not hunk then
    return
  end
  local first, last = it:rows(hunk)
  if last > first then
    vim.cmd(("normal! %dGV%dG"):format(first + 1, last))
  end
end

--- Shows a file beside its text from before the changes that wait.
---@param path? string default: the current file
function M.diff(path)
  local uri = path and vim.uri_from_fname(vim.fn.fnamemodify(path, ":p")) or base.uri(0)
  known(function()
    for _, other in pairs(require("pi.session").all) do
      if #other.review:of(uri) > 0 then
        return base.diff(vim.uri_to_fname(uri))
      end
    end
    say("Nothing to review in this file")
  end)
end

--- Begins to go through all that waits.
function M.review()
  known(function()
    walk.start((here()))
  end)
end

--- Names of files in which something waits, for completion.
---@return string[]
function M.files()
  return vim.tbl_map(function(uri)
    return vim.fn.fnamemodify(vim.uri_to_fname(uri), ":.")
  end, require("pi").session().review:files())
end

--- The changes in a buffer where they are now, for status columns and the like.
---@param buf? integer
---@return {id: string, first: integer, last: integer, added: integer, removed: integer, status: string}[]
function M.list(buf)
  buf = (buf == nil or buf == 0) and vim.api.nvim_get_current_buf() or buf
  local it = review.of_buffer(buf)
  local result = {}
  for _, hunk in ipairs(it and it:of(vim.uri_from_bufnr(buf)) or {}) do
    local first, last = it:rows(hunk)
    result[#result + 1] = {
      id = hunk.id,
      first = first + 1,
      last = last,
      added = hunk.added,
      removed = hunk.removed,
      status = hunk.status,
    }
  end
  return result
end

return M
