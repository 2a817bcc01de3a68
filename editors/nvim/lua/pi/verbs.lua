--- Asking about code: explain, fix, refactor, document, test, change it where it stands; and adding it to a prompt.
local context = require("pi.context")
local inplace = require("pi.inplace")
local session = require("pi.session")
local M = {}

local function say(text)
  vim.notify(text, vim.log.levels.INFO, { title = "Pi" })
end

local function current()
  return require("pi").session()
end

--- Runs `callback` with the region, or with the symbol at the cursor.
local function with_region(region, callback)
  if region then
    return callback(region)
  end
  context.symbol(vim.api.nvim_get_current_buf(), callback)
end

local messages = {
  explain = "Explain the selected code.",
  refactor = "Refactor the selected code without changing what it does.",
  doc = "Document the selected code in the style of its file.",
  test = "Write tests for the selected code where this project has its tests.",
}

for name, message in pairs(messages) do
  --- Asks for it.
  ---@param opts? {region?: pi.Region} default: the symbol at the cursor
  M[name] = function(opts)
    with_region(opts and opts.region, function(region)
      require("pi").ask({ text = message, region = region })
    end)
  end
end

--- Asks to fix the problems of the region, of the cursor's line, or else of the file.
---@param opts? {region?: pi.Region}
function M.fix(opts)
  local region = opts and opts.region
  local buf = region and region.buf or vim.api.nvim_get_current_buf()
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  local part = context.problems(buf, region and region.first[1] or row, region and region.last[1] or row)
  if not part and not region then
    part = context.problems(buf)
  end
  if not part then
    return say("There is no problem at the cursor or in this file.")
  end
  local many = #part.problems.items > 1
  require("pi").ask({ text = many and "Fix these problems." or "Fix this problem.", parts = { part } })
end

--- Adds lines, files or the current file to the next prompt.
---@param opts? {region?: pi.Region, files?: string[]}
function M.add(opts)
  opts = opts or {}
  local it, parts = current(), {}
  if opts.region then
    parts[1] = { region = context.pin(opts.region) }
  end
  for _, name in ipairs(opts.files or {}) do
    local path = vim.fn.fnamemodify(vim.fn.expand(name), ":p")
    if vim.fn.filereadable(path) == 0 then
      return say(("%s cannot be read."):format(name))
    end
    parts[#parts + 1] = { file = path }
  end
  if #parts == 0 then
    local path = vim.api.nvim_buf_get_name(0)
    if path == "" or vim.bo.buftype ~= "" then
      return say("This buffer has no file. Name one, or give lines.")
    end
    parts[1] = { file = path }
  end
  vim.list_extend(it.added, parts)
  require("pi.chat").open(it)
  it:changed()
end

--- Asks to change the region where it stands, without opening the chat.
---@param opts? {text?: string, region?: pi.Region}
function M.edit(opts)
  opts = opts or {}
  with_region(opts.region, function(region)
    local function go(text)
      text = vim.trim(text or "")
      if text == "" then
        return
      end
      local it = current()
      inplace.begin(it, region)
      local message = "Change the selected code, and nothing else: " .. text
      it:send({ text = message, parts = { { region = region } } }, function(problem)
        if problem then
          inplace.finish(region)
        end
      end)
    end
    if opts.text and vim.trim(opts.text) ~= "" then
      return go(opts.text)
    end
    vim.ui.input({ prompt = "Change: " }, go)
  end)
end

return M
