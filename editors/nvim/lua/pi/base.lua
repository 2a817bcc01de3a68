--- Files as they were before the changes that wait: buffers `pi-base://PATH`, and a file beside its own.
local hunks = require("pi.hunks")
local review = require("pi.review")
local window = require("pi.window")
local M = {}

local SCHEME = "pi-base://"

--- The file's path in the name of a buffer with its text from before.
---@param name string
---@return string?
local function file_of(name)
  return vim.startswith(name, SCHEME) and name:sub(#SCHEME + 1) or nil
end

--- The URI of the file that a buffer shows, as it is now or as it was before.
---@param buf integer
---@return string
function M.uri(buf)
  local name = vim.api.nvim_buf_get_name(buf)
  return vim.uri_from_fname(file_of(name) or name)
end

--- The review that has hunks of a file.
---@param uri string
---@return pi.Review?
local function review_of(uri)
  for _, it in pairs(require("pi.session").all) do
    if #it.review:of(uri) > 0 then
      return it.review
    end
  end
end

local function lines_now(path)
  local buf = review.buffer(vim.uri_from_fname(path))
  if buf then
    return vim.api.nvim_buf_get_lines(buf, 0, -1, false)
  end
  local ok, lines = pcall(vim.fn.readfile, path)
  return ok and lines or {}
end

--- The text of a file without the changes that wait.
---@param path string
---@return string[]
function M.lines(path)
  local uri = vim.uri_from_fname(path)
  local it = review_of(uri)
  local places = {}
  for _, hunk in ipairs(it and it:of(uri) or {}) do
    local first, last = it:rows(hunk)
    places[#places + 1] = { first = first, last = last, removed = hunks.lines(hunk.removedText) }
    if hunks.deleted(hunk) then
      return places[#places].removed
    end
  end
  return hunks.base(lines_now(path), places)
end

local function fill(buf)
  local path = assert(file_of(vim.api.nvim_buf_get_name(buf)))
  vim.bo[buf].modifiable = true
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, M.lines(path))
  vim.bo[buf].modifiable = false
  vim.bo[buf].modified = false
end

--- The buffer with the text of a file from before.
---@param path string
---@return integer buf
function M.buffer(path)
  local buf = vim.fn.bufadd(SCHEME .. path)
  vim.fn.bufload(buf)
  return buf
end

vim.api.nvim_create_autocmd("BufReadCmd", {
  group = vim.api.nvim_create_augroup("pi.base", {}),
  pattern = SCHEME .. "*",
  callback = function(args)
    vim.bo[args.buf].buftype = "nofile"
    vim.bo[args.buf].bufhidden = "hide"
    vim.bo[args.buf].swapfile = false
    vim.bo[args.buf].undolevels = -1
    fill(args.buf)
    local path = assert(file_of(vim.api.nvim_buf_get_name(args.buf)))
    vim.bo[args.buf].filetype = vim.filetype.match({ filename = path, buf = args.buf }) or ""
  end,
})

--- Shows a file beside its text from before; one that is not there any more shows only that.
---@param path string
function M.diff(path)
  local base = M.buffer(path)
  if not vim.uv.fs_stat(path) and not review.buffer(vim.uri_from_fname(path)) then
    vim.api.nvim_win_set_buf(window.for_files(), base)
    return
  end
  local win = window.go_to(path)
  vim.cmd.diffthis()
  local other = vim.api.nvim_open_win(base, false, { split = "left", win = win })
  vim.api.nvim_win_call(other, vim.cmd.diffthis)
  -- The comparison ends with the window of the old text.
  vim.api.nvim_create_autocmd("WinClosed", {
    pattern = tostring(other),
    once = true,
    callback = function()
      if vim.api.nvim_win_is_valid(win) then
        vim.api.nvim_win_call(win, vim.cmd.diffoff)
      end
    end,
  })
end

table.insert(review.on_change, function()
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buf) and file_of(vim.api.nvim_buf_get_name(buf)) then
      fill(buf)
    end
  end
end)

return M
