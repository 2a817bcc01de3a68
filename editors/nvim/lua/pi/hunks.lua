--- Arithmetic of changes that wait: their order, the text from before them, their words. Lines are 0-based, ends
--- exclusive.
local M = {}

--- By file, and in the order of their lines.
---@param hunks pi.EditHunk[]
---@return pi.EditHunk[]
function M.sort(hunks)
  table.sort(hunks, function(a, b)
    if a.uri ~= b.uri then
      return a.uri < b.uri
    end
    return a.range.start.line < b.range.start.line
  end)
  return hunks
end

--- Whether it is a file of which nothing is left to show.
---@param hunk pi.EditHunk
---@return boolean
function M.deleted(hunk)
  return hunk.file == "deleted"
end

--- Lines of a text that ends with a line break or not.
---@param text? string
---@return string[]
function M.lines(text)
  if not text or text == "" then
    return {}
  end
  return vim.split((text:gsub("\n$", "")), "\n", { plain = true })
end

--- The lines of a file without these hunks of it.
---@param lines string[]
---@param hunks {first: integer, last: integer, removed: string[]}[] in the order of their lines
---@return string[]
function M.base(lines, hunks)
  local result, row = {}, 0
  for _, hunk in ipairs(hunks) do
    vim.list_extend(result, lines, row + 1, hunk.first)
    vim.list_extend(result, hunk.removed)
    row = hunk.last
  end
  return vim.list_extend(result, lines, row + 1)
end

--- Whether a line belongs to rows; lines that were only taken away hang on the line after them.
---@param first integer
---@param last integer
---@param row integer
---@return boolean
function M.covers(first, last, row)
  return row >= first and row < math.max(last, first + 1)
end

--- `+3 −2`.
---@param hunk pi.EditHunk
---@return string
function M.size(hunk)
  return ("+%d −%d"):format(hunk.added, hunk.removed)
end

--- `1 change`, `3 changes`.
---@param count integer
---@param what string
---@return string
function M.count(count, what)
  return ("%d %s%s"):format(count, what, count == 1 and "" or "s")
end

--- What a revert leaves as it is, because it is not on record; nothing if there is none of it.
---@param commands? string[]
---@return string?
function M.beside(commands)
  local names = {}
  for index, command in ipairs(commands or {}) do
    if index > 3 then
      names[4] = M.count(#commands - 3, "other command")
      break
    end
    names[index] = "“" .. require("pi.describe").arguments({ command = command }, "") .. "”"
  end
  local last = table.remove(names)
  if not last then
    return nil
  end
  local what = #names == 0 and last or ("%s and %s"):format(table.concat(names, ", "), last)
  return ("What %s changed beside that stays"):format(what)
end

--- A hunk as a difference, for people.
---@param hunk pi.EditHunk
---@return string[]
function M.diff(hunk)
  local result = {}
  for _, line in ipairs(M.lines(hunk.removedText)) do
    result[#result + 1] = "-" .. line
  end
  for _, line in ipairs(M.lines(hunk.addedText)) do
    result[#result + 1] = "+" .. line
  end
  return result
end

return M
