-- Runs spec files: nvim --headless --clean -l harness.lua SPEC...
--
-- Every story gets its own directory and its own child Neovim with an attached screen, driven over Neovim's RPC: keys
-- go in as a user types them, and a press-Enter prompt shows as what it is, a blocked editor. Nothing sleeps: stories
-- wait for what they expect, and fail when it does not come.
local scratch = assert(vim.env.PI_TEST_SCRATCH, "start this through run.sh")
local repo = assert(vim.env.PI_TEST_REPO)

--- Milliseconds after which an expectation is given up.
local PATIENCE = 10000
--- Milliseconds after which a story is given up whose editor answers nothing any more.
local LIMIT = 1000 * (tonumber(vim.env.PI_TEST_STORY) or 120)

---@class Child
---@field dir string
---@field workspace string
local Child = {}
Child.__index = Child

local count = 0
--- Process id of the child of this story.
---@type integer?
local editor

---@class ChildOptions
---@field needs? string a feature of the editor (`has()`) without which the story is skipped, which is said
---@field files? table<string, string> the workspace, by relative path
---@field agent? table<string, string> the agent directory, by relative path
---@field script? table what the scripted model says, see docs/faux.md
---@field path? string PATH of the child
---@field plugin? string another copy of the plugin
---@field permissions? string the permission mode; default: full
---@field init? string init.lua of an editor without the plugin
---@field config? table vim.g.pi; default: the binary under test with the scripted model

local function write(path, text)
  vim.fn.mkdir(vim.fs.dirname(path), "p")
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

---@param options ChildOptions
---@return Child
function Child.start(options)
  count = count + 1
  local dir = ("%s/%d"):format(scratch, count)
  local self = setmetatable({ dir = dir, workspace = dir .. "/workspace" }, Child)
  local env = { PI_CODING_AGENT_DIR = dir .. "/agent" }
  for name, place in pairs({ HOME = "home", XDG_CONFIG_HOME = "config", XDG_DATA_HOME = "data", XDG_STATE_HOME = "state",
    XDG_CACHE_HOME = "cache", XDG_RUNTIME_DIR = "run" }) do
    env[name] = dir .. "/" .. place
    vim.fn.mkdir(env[name], "p", tonumber("700", 8))
  end
  vim.fn.mkdir(self.workspace .. "/.git", "p")
  for name, text in pairs(options.files or {}) do
    write(self.workspace .. "/" .. name, text)
  end
  for name, text in pairs(options.agent or {}) do
    write(dir .. "/agent/" .. name, text)
  end
  if options.script then
    write(dir .. "/model.json", vim.json.encode(options.script))
    env.PI_FAUX_SCRIPT = dir .. "/model.json"
  end
  env.PATH = options.path
  write(dir .. "/agent/settings.json", vim.json.encode({ permissions = { mode = options.permissions or "full" } }))
  local config = options.config or { cmd = { vim.env.PI_BIN, "--provider", "faux", "--model", "scripted" } }
  write(dir .. "/init.lua", options.init or ([[
    vim.opt.runtimepath:prepend(%q)
    vim.g.pi = vim.json.decode(%q)
    vim.o.swapfile = false
  ]]):format(options.plugin or repo .. "/editors/nvim", vim.json.encode(config)))
  self.env = env
  self:launch()
  return self
end

--- Starts the editor in the child's folder.
---@private
function Child:launch()
  self.channel = vim.fn.jobstart(
    { vim.env.PI_TEST_EDITOR, "--embed", "-n", "-u", self.dir .. "/init.lua", "-i", "NONE" },
    { rpc = true, env = self.env, cwd = self.workspace }
  )
  assert(self.channel > 0, "the child did not start")
  editor = vim.fn.jobpid(self.channel)
  vim.rpcrequest(self.channel, "nvim_ui_attach", 110, 40, { rgb = true })
  -- What the child's autocommands saw, in order.
  self:lua([[
    _G.seen = {}
    vim.api.nvim_create_autocmd("User", { pattern = "Pi*", callback = function(args)
      table.insert(_G.seen, args.match)
      _G.data = _G.data or {}
      _G.data[args.match] = vim.deepcopy(args.data)
    end })
    _G.said = {}
    local notify = vim.notify
    vim.notify = function(message, ...)
      table.insert(_G.said, message)
    end
  ]])
end

--- Kills the editor and starts it again in the same folder.
function Child:again()
  vim.uv.kill(vim.fn.jobpid(self.channel), "sigkill")
  vim.fn.jobwait({ self.channel }, 5000)
  self:launch()
end

--- Runs Lua in the child; `...` is there what it is here. Fails if the child waits for a key.
function Child:lua(code, ...)
  local mode = vim.rpcrequest(self.channel, "nvim_get_mode")
  if mode.blocking then
    -- The messages cannot be read before somebody has pressed a key.
    vim.rpcrequest(self.channel, "nvim_input", "<CR>")
    error("Neovim waits for a key (mode " .. mode.mode .. "):\n" .. self:screen(), 0)
  end
  return vim.rpcrequest(self.channel, "nvim_exec_lua", code, { ... })
end

--- An Ex command, as typed after the colon.
function Child:cmd(command)
  self:lua("vim.cmd(...)", command)
end

--- Keys as the user types them.
function Child:keys(keys)
  vim.rpcrequest(self.channel, "nvim_input", keys)
end

--- Waits until the Lua expression is true in the child.
function Child:wait(expression, ...)
  local arguments, value = { ... }, nil
  local code = "local arguments = {...}; return " .. expression
  local ok = vim.wait(PATIENCE, function()
    value = self:lua(code, unpack(arguments))
    return value and value ~= vim.NIL
  end, 10)
  if not ok then
    error(("never came: %s\nlast: %s\nseen: %s\nsaid: %s\ntranscript:\n%s"):format(expression, vim.inspect(value),
      vim.inspect(self:lua("return _G.seen")), vim.inspect(self:lua("return _G.said")), self:transcript()), 0)
  end
  return value
end

--- Waits for the n-th `User` event of a name and returns the data of the last one.
function Child:event(name, nth)
  self:wait([[#vim.tbl_filter(function(it) return it == arguments[1] end, _G.seen) >= arguments[2] ]], name, nth or 1)
  return self:lua("return _G.data[...]", name)
end

function Child:edit(name)
  self:cmd("edit " .. name)
end

function Child:buffer(name)
  return table.concat(self:lua([[
    return vim.api.nvim_buf_get_lines(vim.fn.bufnr("^" .. ... .. "$"), 0, -1, false)
  ]], self.workspace .. "/" .. name), "\n")
end

function Child:disk(name)
  return read(self.workspace .. "/" .. name)
end

function Child:transcript()
  return self:lua([[
    local it = package.loaded["pi"] and require("pi").session()
    if not it then return "" end
    it.transcript:flush()
    return table.concat(vim.api.nvim_buf_get_lines(it.transcript.buf, 0, -1, false), "\n")
  ]])
end

--- All lines of the current buffer.
function Child:current()
  return self:lua([[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")]])
end

function Child:screen()
  local ok, text = pcall(vim.rpcrequest, self.channel, "nvim_exec2", "messages", { output = true })
  return ok and text.output or ""
end

--- The screen of the window that shows a buffer, as text.
function Child:window(buffer)
  return self:lua([[
    vim.cmd.redraw()
    local place, lines = vim.fn.getwininfo(vim.fn.bufwinid(...))[1], {}
    for row = place.winrow, place.winrow + place.height + place.winbar - 1 do
      local line = {}
      for column = place.wincol, place.wincol + place.width - 1 do
        line[#line + 1] = vim.fn.screenstring(row, column)
      end
      lines[#lines + 1] = (table.concat(line):gsub("%s+$", ""))
    end
    return table.concat(lines, "\n")
  ]], buffer)
end

--- Answers each `vim.ui.select` with the first item whose text contains the next of these words; what was offered is
--- kept in `_G.offered`.
function Child:choose(...)
  self:lua([[
    _G.choices, _G.offered = { ... }, {}
    vim.ui.select = function(items, opts, done)
      local word = table.remove(_G.choices, 1)
      local texts = vim.tbl_map(opts.format_item or tostring, items)
      table.insert(_G.offered, { opts.prompt, texts })
      for index, text in ipairs(texts) do
        if word and text:find(word, 1, true) then
          return done(items[index], index)
        end
      end
      done(nil)
    end
  ]], ...)
end

function Child:stop()
  pcall(vim.rpcnotify, self.channel, "nvim_command", "qall!")
  if vim.fn.jobwait({ self.channel }, 5000)[1] == -1 then
    vim.fn.jobstop(self.channel)
    error("Neovim did not end", 0)
  end
end

local function say(line)
  io.stdout:write(line, "\n")
  io.stdout:flush()
end

local passed, failed, skipped = 0, 0, 0

--- One story: a fresh child, which ends afterwards whatever happened.
---@param name string
---@param options ChildOptions
---@param tell fun(nvim: Child)
function _G.story(name, options, tell)
  -- The editor under test is the one that runs this file.
  if options.needs and vim.fn.has(options.needs) == 0 then
    skipped = skipped + 1
    return say(("skip  %s: this Neovim %s has no %s"):format(name, vim.version(), options.needs))
  end
  local nvim
  local timer, late = assert(vim.uv.new_timer()), false
  -- Whatever waits for the child fails when it has gone.
  timer:start(LIMIT, 0, function()
    late = true
    if editor then
      vim.uv.kill(editor, "sigkill")
    end
  end)
  local ok, problem = xpcall(function()
    nvim = Child.start(options)
    tell(nvim)
  end, function(it)
    return type(it) == "string" and it or debug.traceback(vim.inspect(it))
  end)
  timer:close()
  if late then
    ok, problem = false, ("not over after %d s: %s"):format(LIMIT / 1000, problem or "")
  end
  if nvim then
    local ended, why = pcall(nvim.stop, nvim)
    if ok and not ended then
      ok, problem = false, why
    end
  end
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
  end
  say(("%s  %s%s"):format(ok and "ok  " or "FAIL", name, ok and "" or "\n" .. problem))
end

---@param actual any
---@param expected any
function _G.equal(actual, expected, what)
  if not vim.deep_equal(actual, expected) then
    error(("%s: expected %s, got %s"):format(what or "value", vim.inspect(expected), vim.inspect(actual)), 2)
  end
end

--- Fails unless all texts occur, in this order.
function _G.contains(text, ...)
  local from = 1
  for _, part in ipairs({ ... }) do
    local _, finish = text:find(part, from, true)
    if not finish then
      error(("not found (in order): %q in:\n%s"):format(part, text), 2)
    end
    from = finish + 1
  end
end

--- A turn of the scripted model that calls a tool, answers if the last message of the user matches, or just answers.
function _G.call(id, name, args)
  return { content = { { type = "tool", id = id, name = name, args = args } } }
end
function _G.answer(text, pattern)
  return { content = { { type = "text", text = text } }, match = pattern }
end

--- A named pipe in the workspace: `cat gate` runs until `open_gate`.
function _G.make_gate(nvim)
  assert(vim.system({ "mkfifo", nvim.workspace .. "/gate" }):wait().code == 0)
end
function _G.open_gate(nvim)
  local gate = assert(io.open(nvim.workspace .. "/gate", "w"))
  gate:write("the gate is open\n")
  gate:close()
end

_G.repo, _G.scratch, _G.write_file = repo, scratch, write

for _, spec in ipairs(_G.arg) do
  dofile(spec)
end
say(("%d passed, %d failed%s"):format(passed, failed, skipped > 0 and (", %d skipped"):format(skipped) or ""))
os.exit(failed == 0 and passed + skipped > 0 and 0 or 1)
