--- What a prompt is about: lines of a buffer, a file, problems, any text; in the positions that the server counts in.
local compat = require("pi.compat")
local M = {}

---@class pi.Region
---@field buf integer
---@field first {[1]: integer, [2]: integer} 0-based line and byte
---@field last {[1]: integer, [2]: integer} 0-based line and byte, exclusive
---@field pin? integer extmark that keeps it in place

--- A piece of what a prompt is about; one of the fields.
---@class pi.Part
---@field region? pi.Region
---@field file? string absolute path
---@field problems? {buf: integer, items: vim.Diagnostic[]}
---@field text? string
---@field title? string of the text

local pins = vim.api.nvim_create_namespace("pi.pins")

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

--- Where a region is now.
---@param region pi.Region
---@return {[1]: integer, [2]: integer} first 0-based line and byte
---@return {[1]: integer, [2]: integer} last exclusive
function M.place(region)
  local mark = region.pin and vim.api.nvim_buf_get_extmark_by_id(region.buf, pins, region.pin, { details = true })
  if mark and mark[1] then
    return { mark[1], mark[2] }, { mark[3].end_row, mark[3].end_col }
  end
  return region.first, region.last
end

--- Keeps a region in place while its buffer is edited.
---@param region pi.Region
---@param look? vim.api.keyset.set_extmark how the place looks meanwhile
---@return pi.Region
function M.pin(region, look)
  local options = vim.tbl_extend("force", look or {}, { end_row = region.last[1], end_col = region.last[2] })
  region.pin = vim.api.nvim_buf_set_extmark(region.buf, pins, region.first[1], region.first[2], options)
  return region
end

--- Lets go of a pinned region.
---@param region pi.Region
function M.unpin(region)
  if region.pin and vim.api.nvim_buf_is_valid(region.buf) then
    vim.api.nvim_buf_del_extmark(region.buf, pins, region.pin)
    region.pin = nil
  end
end

local function lines_of(first, last)
  return first[1] == last[1] and tostring(first[1] + 1) or ("%d-%d"):format(first[1] + 1, last[1] + 1)
end

--- A place in a buffer as the server counts.
local function position(buf, place, encoding)
  return { line = place[1], character = compat.code_units(line_at(buf, place[1]), place[2], encoding) }
end

local function region_item(region, encoding)
  local buf = region.buf
  local first, last = M.place(region)
  local name = vim.api.nvim_buf_get_name(buf)
  if name == "" or vim.bo[buf].buftype ~= "" then
    local text = vim.api.nvim_buf_get_text(buf, first[1], first[2], last[1], last[2], {})
    local title = ("%s, lines %s"):format(name == "" and "unnamed buffer" or name, lines_of(first, last))
    return { kind = "text", title = title, text = table.concat(text, "\n") }
  end
  local range = { start = position(buf, first, encoding), ["end"] = position(buf, last, encoding) }
  return { kind = "selection", uri = vim.uri_from_bufnr(buf), range = range }
end

local function problem_items(buf, items, encoding)
  return vim.tbl_map(function(it)
    local count = vim.api.nvim_buf_line_count(buf)
    local row, end_row = math.min(it.lnum, count - 1), math.min(it.end_lnum or it.lnum, count - 1)
    return {
      range = {
        start = position(buf, { row, it.col }, encoding),
        ["end"] = position(buf, { end_row, it.end_col or it.col }, encoding),
      },
      severity = it.severity,
      message = it.message,
      source = it.source,
    }
  end, items)
end

local images = { png = true, jpg = true, jpeg = true, gif = true, webp = true }

--- The item for `pi/prompt`.
---@param part pi.Part
---@param encoding string
---@return pi.PromptContext
function M.item(part, encoding)
  if part.region then
    return region_item(part.region, encoding)
  elseif part.file then
    local extension = (part.file:match("%.(%w+)$") or ""):lower()
    return { kind = images[extension] and "image" or "file", uri = vim.uri_from_fname(part.file) }
  elseif part.problems then
    local buf = part.problems.buf
    return {
      kind = "diagnostics",
      uri = vim.uri_from_bufnr(buf),
      items = problem_items(buf, part.problems.items, encoding),
    }
  end
  return { kind = "text", title = part.title, text = part.text }
end

--- Its name for people.
---@param part pi.Part
---@return string
function M.chip(part)
  if part.region then
    local first, last = M.place(part.region)
    local name = vim.api.nvim_buf_get_name(part.region.buf)
    return ("%s:%s"):format(name == "" and "unnamed buffer" or vim.fs.basename(name), lines_of(first, last))
  elseif part.file then
    return vim.fs.basename(part.file)
  elseif part.problems then
    local count = #part.problems.items
    return ("%d problem%s"):format(count, count == 1 and "" or "s")
  end
  return part.title or "text"
end

--- The innermost symbol at the cursor as the outlines of the buffer's language servers have it, else its line.
---@param buf integer
---@param callback fun(region: pi.Region, name?: string)
function M.symbol(buf, callback)
  local cursor = vim.api.nvim_win_get_cursor(0)
  local row = cursor[1] - 1
  local asked = vim.tbl_filter(function(client)
    return client.name ~= "pi"
  end, vim.lsp.get_clients({ bufnr = buf, method = "textDocument/documentSymbol" }))
  if #asked == 0 then
    return callback(M.lines(buf, row + 1, row + 1))
  end
  local best, size
  local function look(symbols)
    for _, it in ipairs(symbols or {}) do
      local range = it.range or it.location and it.location.range
      if range and range.start.line <= row and row <= range["end"].line then
        local lines = range["end"].line - range.start.line
        if not size or lines <= size then
          best, size = it, lines
        end
        look(it.children)
      end
    end
  end
  local params, left = { textDocument = vim.lsp.util.make_text_document_params(buf) }, #asked
  for _, client in ipairs(asked) do
    compat.lsp_request(client, "textDocument/documentSymbol", params, function(_, symbols)
      look(symbols)
      left = left - 1
      if left == 0 and vim.api.nvim_buf_is_valid(buf) then
        local range = best and (best.range or best.location.range)
        if range then
          callback(M.of_range(vim.uri_from_bufnr(buf), range, client.offset_encoding), best.name)
        else
          callback(M.lines(buf, row + 1, row + 1))
        end
      end
    end)
  end
end

--- The problems of a buffer that meet rows.
---@param buf integer
---@param first? integer 0-based; absent: all of the buffer
---@param last? integer inclusive
---@return pi.Part?
function M.problems(buf, first, last)
  local found = vim.tbl_filter(function(it)
    return not first or it.lnum <= last and (it.end_lnum or it.lnum) >= first
  end, vim.diagnostic.get(buf, { severity = { min = vim.diagnostic.severity.WARN } }))
  return found[1] and { problems = { buf = buf, items = found } } or nil
end

return M
