--- What is being written in a prompt, kept on disk so that it survives the editor.
local M = {}

--- Rest after typing before it is written, in milliseconds.
local REST = 500

local timer ---@type uv.uv_timer_t?
local waiting = {} ---@type table<string, integer> buffers to write, by root

local function path_of(root)
  return vim.fs.joinpath(vim.fn.stdpath("state") --[[@as string]], "pi", vim.fn.sha256(root):sub(1, 16) .. ".draft")
end

--- What was written and not sent.
---@param root string
---@return string
function M.read(root)
  local file = io.open(path_of(root), "rb")
  if not file then
    return ""
  end
  local text = file:read("*a")
  file:close()
  return text or ""
end

--- Keeps a text; an empty one is forgotten.
---@param root string
---@param text string
function M.keep(root, text)
  waiting[root] = nil
  local path = path_of(root)
  if vim.trim(text) == "" then
    os.remove(path)
    return
  end
  vim.fn.mkdir(vim.fs.dirname(path), "p", tonumber("700", 8))
  local file = io.open(path, "wb")
  if file then
    file:write(text)
    file:close()
  end
end

local function write_all()
  for root, buf in pairs(waiting) do
    if vim.api.nvim_buf_is_valid(buf) then
      M.keep(root, table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), "\n"))
    end
  end
  waiting = {}
end

--- Keeps the text of a buffer after a rest in typing.
---@param root string
---@param buf integer
function M.keep_soon(root, buf)
  waiting[root] = buf
  timer = timer or assert(vim.uv.new_timer())
  timer:start(REST, 0, vim.schedule_wrap(write_all))
end

vim.api.nvim_create_autocmd("VimLeavePre", {
  group = vim.api.nvim_create_augroup("pi.draft", {}),
  callback = write_all,
})

return M
