--- Changes that wait, as they look in a buffer: background, sign, the lines from before, and in a review the keys.
local config = require("pi.config")
local hunks = require("pi.hunks")
local icon = require("pi.icon")
local M = {}

--- Below diagnostics (10) and syntax (100).
local PRIORITY = 9

-- The extmark of a hunk's lines stands in the first; what is drawn beside it in the second.
local places = vim.api.nvim_create_namespace("pi.hunks")
local looks = vim.api.nvim_create_namespace("pi.hunks.looks")

--- Extmarks by hunk, by buffer.
local marks = {} ---@type table<integer, table<string, integer>>

--- Said behind the first line of a hunk; set while a review is on.
M.hint = nil ---@type? fun(hunk: pi.EditHunk): string?

--- Where a hunk is now.
---@param buf integer
---@param id string
---@return integer? first 0-based
---@return integer? last exclusive
function M.rows(buf, id)
  local mark = marks[buf] and marks[buf][id]
  local place = mark and vim.api.nvim_buf_get_extmark_by_id(buf, places, mark, { details = true })
  if place and place[1] then
    return place[1], math.max(place[1], place[3].end_row or place[1])
  end
end

--- What stands above a hunk: the lines that went.
local function removed_lines(hunk)
  local lines = hunks.lines(hunk.removedText)
  local most = config.get().review.max_removed
  local shown = {}
  for index = 1, math.min(#lines, most) do
    shown[index] = { { lines[index] == "" and " " or lines[index], "PiRemoved" } }
  end
  if #lines > most then
    shown[#shown + 1] = { { ("… %d more, <Plug>(pi-hunk-preview)"):format(#lines - most), "PiRemoved" } }
  end
  return shown
end

local function draw_one(buf, hunk, style)
  local count = vim.api.nvim_buf_line_count(buf)
  local first = math.min(hunk.range.start.line, count)
  local last = math.min(math.max(hunk.range["end"].line, first), count)
  local place = { end_row = last, end_col = 0, undo_restore = true }
  if style == "inline" and last > first then
    place.hl_group, place.hl_eol, place.priority = "PiAdd", true, PRIORITY
  end
  marks[buf][hunk.id] = vim.api.nvim_buf_set_extmark(buf, places, first, 0, place)
  if style == "off" then
    return
  end
  -- Lines that went from the end of a file hang below its last line.
  local below = first >= count
  local row = math.min(first, count - 1)
  local bottom = math.max(last - 1, row)
  local look = {
    end_row = bottom,
    end_col = #(vim.api.nvim_buf_get_lines(buf, bottom, bottom + 1, false)[1] or ""),
    sign_text = icon.get(last > first and "changed" or "removed"),
    sign_hl_group = last > first and "PiSign" or "PiSignRemoved",
    priority = PRIORITY,
  }
  if style == "inline" then
    local lines = removed_lines(hunk)
    if #lines > 0 then
      look.virt_lines, look.virt_lines_above = lines, not below
    end
  end
  local hint = M.hint and M.hint(hunk)
  if hint then
    look.virt_text = { { hint, "PiKey" } }
  end
  vim.api.nvim_buf_set_extmark(buf, looks, row, 0, look)
end

--- Draws the hunks of a buffer in the place of what was drawn before.
---@param buf integer
---@param all pi.EditHunk[]
function M.draw(buf, all)
  vim.api.nvim_buf_clear_namespace(buf, places, 0, -1)
  vim.api.nvim_buf_clear_namespace(buf, looks, 0, -1)
  marks[buf] = {}
  local style = config.get().review.style
  for _, hunk in ipairs(all) do
    -- A deleted file's name may belong to a new buffer: nothing of it is there.
    if not hunks.deleted(hunk) then
      draw_one(buf, hunk, style)
    end
  end
end

--- Lines drawn above the first line of a buffer are out of sight until the window is scrolled there.
---@param win integer
function M.reveal_top(win)
  local buf = vim.api.nvim_win_get_buf(win)
  local above = 0
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buf, looks, 0, { 0, -1 }, { details = true })) do
    local details = mark[4]
    if details.virt_lines_above and details.virt_lines then
      above = above + #details.virt_lines
    end
  end
  if above > 0 then
    vim.api.nvim_win_call(win, function()
      if vim.fn.winsaveview().topline == 1 then
        vim.fn.winrestview({ topfill = above })
      end
    end)
  end
end

vim.api.nvim_create_autocmd("BufWipeout", {
  group = vim.api.nvim_create_augroup("pi.paint", {}),
  callback = function(args)
    marks[args.buf] = nil
  end,
})

return M
