--- What a prompt is about: lines or a selection of a buffer, in the positions that the server counts in.
local compat = require("pi.compat")
local M = {}

---@class pi.Region
---@field buf integer
---@field first {[1]: integer, [2]: integer} 0-based line and byte
---@field last {[1]: integer, [2]: integer} 0-based line and byte, exclusive

local function line_at(buf, row)
  return vim.api.nvim_buf_get_lines(buf, row, row + 1, false)[1] or ""
end

--- Whole lines, without the last line break.
---@param buf integer
---@param line1 integer 1-based
---@param line2 integer 1-based, inclusive
---@return pi.Region
function M.lines(buf, line1, line2)
  return { buf = buf, first = { line1 - 1, 0 }, last = { line2 - 1, #line_at(buf, line2 - 1) } }
end

--- Between two marks, both included, as an operator or a characterwise selection gives them.
---@param buf integer
---@param from {[1]: integer, [2]: integer} 1-based line, 0-based byte
---@param to {[1]: integer, [2]: integer}
---@param exclusive? boolean `to` is not part of it ('selection' is "exclusive")
---@return pi.Region
function M.characters(buf, from, to, exclusive)
  local text = line_at(buf, to[1] - 1)
  local finish = math.min(to[2], #text)
  if not exclusive and finish < #text then
    finish = finish + vim.str_utf_end(text, finish + 1) + 1
  end
  local start = math.min(from[2], #line_at(buf, from[1] - 1))
  return { buf = buf, first = { from[1] - 1, start }, last = { to[1] - 1, finish } }
end

--- The range of a command: the selection itself if the range is one of characters, else its lines.
---@param args {range: integer, line1: integer, line2: integer}
---@return pi.Region?
function M.of_command(args)
  if args.range == 0 then
    return nil
  end
  local buf = vim.api.nvim_get_current_buf()
  local from, to = vim.api.nvim_buf_get_mark(buf, "<"), vim.api.nvim_buf_get_mark(buf, ">")
  if args.range == 2 and vim.fn.visualmode() == "v" and from[1] == args.line1 and to[1] == args.line2 then
    return M.characters(buf, from, to, vim.o.selection == "exclusive")
  end
  return M.lines(buf, args.line1, args.line2)
end

--- A range of the language server.
---@param uri string
---@param range lsp.Range
---@param encoding string
---@return pi.Region
function M.of_range(uri, range, encoding)
  local buf = vim.uri_to_bufnr(uri)
  vim.fn.bufload(buf)
  local function place(position)
    local row = math.min(position.line, vim.api.nvim_buf_line_count(buf) - 1)
    local text = line_at(buf, row)
    return { row, row < position.line and #text or compat.byte_offset(text, position.character, encoding) }
  end
  return { buf = buf, first = place(range.start), last = place(range["end"]) }
end

--- The item for `pi/prompt`, and its name for people.
---@param region pi.Region
---@param encoding string
---@return pi.PromptContext item
---@return string chip
function M.item(region, encoding)
  local buf, first, last = region.buf, region.first, region.last
  local name = vim.api.nvim_buf_get_name(buf)
  local lines = first[1] == last[1] and tostring(first[1] + 1) or ("%d-%d"):format(first[1] + 1, last[1] + 1)
  if name == "" or vim.bo[buf].buftype ~= "" then
    local text = vim.api.nvim_buf_get_text(buf, first[1], first[2], last[1], last[2], {})
    local title = ("%s, lines %s"):format(name == "" and "unnamed buffer" or name, lines)
    return { kind = "text", title = title, text = table.concat(text, "\n") }, title
  end
  local function position(place)
    return { line = place[1], character = compat.code_units(line_at(buf, place[1]), place[2], encoding) }
  end
  local range = { start = position(first), ["end"] = position(last) }
  return { kind = "selection", uri = vim.uri_from_bufnr(buf), range = range },
    ("%s:%s"):format(vim.fn.fnamemodify(name, ":t"), lines)
end

return M
