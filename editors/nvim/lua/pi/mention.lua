--- `@` and `/` in the prompt: what can be completed, and what a mention stands for when the prompt is sent.
local context = require("pi.context")
local window = require("pi.window")
local M = {}

--- Files that are looked at, and items of one answer.
local WALKED, MOST = 20000, 50

---@class pi.Mention
---@field help string
---@field part fun(session: pi.Session, done: fun(part?: pi.Part))

---@type table<string, pi.Mention>
M.special = {
  selection = {
    help = "what was selected last",
    part = function(_, done)
      local buf = window.last_file()
      local from = buf and vim.api.nvim_buf_get_mark(buf, "<")
      if not buf or from[1] == 0 then
        return done(nil)
      end
      local to = vim.api.nvim_buf_get_mark(buf, ">")
      done({ region = to[2] >= 100000 and context.lines(buf, from[1], to[1]) or context.characters(buf, from, to) })
    end,
  },
  diagnostics = {
    help = "the problems of the file",
    part = function(_, done)
      local buf = window.last_file()
      done(buf and context.problems(buf))
    end,
  },
  symbol = {
    help = "the function or type at the cursor",
    part = function(_, done)
      local buf, win = window.last_file()
      if not buf then
        return done(nil)
      end
      vim.api.nvim_win_call(win, function()
        context.symbol(buf, function(region)
          done({ region = region })
        end)
      end)
    end,
  },
  changes = {
    help = "what Pi changed and what waits",
    part = function(session, done)
      session:request("pi/edits/diff", { scope = "folder" }, function(err, result)
        done(not err and result.diff ~= "" and { title = "Changes", text = result.diff } or nil)
      end)
    end,
  },
}

--- The part that a mentioned file stands for: `src/a.rs`, `src/a.rs:12-40`.
local function file_part(root, word)
  local path, first, last = word:match("^(.-):(%d+)%-?(%d*)$")
  local name = vim.fs.joinpath(root, path or word)
  local stat = vim.uv.fs_stat(name)
  if not stat or stat.type ~= "file" then
    return nil
  end
  if not path then
    return { file = name }
  end
  local buf = vim.fn.bufadd(name)
  vim.fn.bufload(buf)
  local count = vim.api.nvim_buf_line_count(buf)
  first = math.min(tonumber(first) --[[@as integer]], count)
  return { region = context.lines(buf, math.max(1, first), math.max(first, math.min(tonumber(last) or first, count))) }
end

--- What the mentions of a prompt stand for. Words that mention nothing stay words.
---@param session pi.Session
---@param text string
---@param done fun(parts: pi.Part[])
function M.parts(session, text, done)
  local parts, left = {}, 1
  local function finish(part)
    parts[#parts + 1] = part
    left = left - 1
    if left == 0 then
      done(parts)
    end
  end
  for word in (" " .. text):gmatch("%s@(%S+)") do
    word = word:gsub("[.,;:!?)]+$", "")
    local special = M.special[word]
    if special then
      left = left + 1
      special.part(session, finish)
    else
      parts[#parts + 1] = file_part(session.root, word)
    end
  end
  finish(nil)
end

-- Completion ----------------------------------------------------------------------------------------------------

--- The project's files: what Git knows or would add, else what lies there.
local function files(root)
  local git = vim.fn.systemlist({ "git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard" })
  if vim.v.shell_error == 0 and #git > 0 then
    return vim.list_slice(git, 1, WALKED)
  end
  local found = {}
  for name, kind in vim.fs.dir(root, {
    depth = 8,
    skip = function(name)
      return not vim.startswith(vim.fs.basename(name), ".") and vim.fs.basename(name) ~= "node_modules"
    end,
  }) do
    if kind == "file" then
      found[#found + 1] = name
    end
    if #found >= WALKED then
      break
    end
  end
  return found
end

local function fitting(names, word)
  local found = word == "" and names or vim.fn.matchfuzzy(names, word)
  return vim.list_slice(found, 1, MOST)
end

--- Completes a word of the prompt.
---@param session pi.Session
---@param word string with its `@` or `/`
---@return table[] as for |complete-items|
function M.complete(session, word)
  local kind, rest = word:sub(1, 1), word:sub(2)
  if kind == "/" then
    local by_name, names = {}, {}
    for _, it in ipairs(session.commands) do
      by_name[it.name] = it
      names[#names + 1] = it.name
    end
    return vim.tbl_map(function(name)
      return { word = "/" .. name, menu = by_name[name].description or "" }
    end, fitting(names, rest))
  end
  local result = {}
  for _, name in ipairs(fitting(vim.tbl_keys(M.special), rest)) do
    result[#result + 1] = { word = "@" .. name, menu = M.special[name].help }
  end
  table.sort(result, function(a, b)
    return a.word < b.word
  end)
  for _, name in ipairs(fitting(files(session.root), rest)) do
    result[#result + 1] = { word = "@" .. name }
  end
  return result
end

--- The omnifunc of the prompt.
---@param find_start integer
---@param base string
function M.omnifunc(find_start, base)
  if find_start == 1 then
    local line, column = vim.api.nvim_get_current_line(), vim.api.nvim_win_get_cursor(0)[2]
    local before = line:sub(1, column)
    local start = before:find("@%S*$") or before:find("^/%S*$")
    return start and start - 1 or -3
  end
  local it = require("pi.session").all[vim.b.pi_root]
  return it and M.complete(it, base) or {}
end

return M
