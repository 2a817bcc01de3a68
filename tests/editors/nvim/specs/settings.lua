-- What `vim.g.pi` changes in the chat and in the server.

local function config(more)
  return vim.tbl_extend("force", { cmd = { vim.env.PI_BIN, "--provider", "faux", "--model", "scripted" } }, more)
end

--- What the model was told of its first tool call.
local function result(nvim)
  nvim:lua([[
    _G.result = nil
    require("pi").session():request("pi/getMessages", nil, function(_, answer)
      _G.result = vim.iter(answer.messages):find(function(it) return it.role == "toolResult" end).content[1].text
    end)
  ]])
  return nvim:wait("_G.result")
end

local look = { call("1", "bash", { command = "cat a.txt" }), answer("Read.") }

local function modified(nvim)
  nvim:edit("a.txt")
  nvim:keys("ccnew<Esc>")
  nvim:cmd("Pi what does it say?")
  nvim:event("PiRunEnd")
  return nvim:lua("return vim.bo[vim.fn.bufnr('a.txt')].modified")
end

story("dirty = warn leaves saving to the user, and the model is told", {
  files = { ["a.txt"] = "old\n" }, script = look, config = config({ dirty = "warn" }),
}, function(nvim)
  equal(modified(nvim), true, "modified")
  equal(nvim:disk("a.txt"), "old\n", "disk")
  contains(result(nvim), "old", "a.txt")
end)

story("dirty = block runs no command before the user has saved", {
  files = { ["a.txt"] = "old\n" }, script = look,
  config = config({ dirty = "block", settings = { shell = { unsaved = "save" } } }),
}, function(nvim)
  equal(modified(nvim), true, "modified")
  assert(not result(nvim):find("old", 1, true), result(nvim))
end)

story("dirty = overlay runs commands on the text of the buffers, which stay unsaved", {
  files = { ["a.txt"] = "old\n" }, script = look, config = config({ dirty = "overlay" }),
}, function(nvim)
  equal(modified(nvim), true, "modified")
  equal(nvim:disk("a.txt"), "old\n", "disk")
  contains(result(nvim), "new")
end)

--- The text of the log of Neovim's language clients.
local function log(nvim)
  nvim:cmd("edit " .. nvim:lua("return require('pi.compat').lsp_log_path()"))
  return nvim:current()
end

local function started(nvim)
  nvim:edit("a.txt")
  nvim:lua("require('pi').session():when_ready(function() _G.ready = true end)")
  nvim:wait("_G.ready")
  -- It has written what it has to say when it has ended.
  nvim:lua([[
    vim.api.nvim_create_autocmd("User", { pattern = "PiStatus", callback = function(args)
      _G.off = args.data.state == "off"
    end })
    local session = require("pi").session()
    session.planned = function() end
    require("pi.compat").lsp_stop(session.client)
  ]])
  nvim:wait("_G.off")
end

story("log_level says how much the server writes into the log", {
  files = { ["a.txt"] = "" }, script = {}, config = config({ log_level = "debug" }),
}, function(nvim)
  started(nvim)
  contains(log(nvim), "DEBUG")
end)

story("without log_level the log has no details", { files = { ["a.txt"] = "" }, script = {} }, function(nvim)
  started(nvim)
  local text = log(nvim)
  assert(not text:find("DEBUG", 1, true), text)
end)

local talk = {
  { content = {
    { type = "thinking", text = "Both files matter.\nI read them." },
    { type = "tool", id = "1", name = "read", args = { path = "a.txt" } },
    { type = "tool", id = "2", name = "bash", args = { command = "echo one; echo two" } },
  } },
  answer("Done."),
}

--- The heads of what is folded in the chat.
local function folded(nvim)
  nvim:cmd("Pi go")
  nvim:event("PiRunEnd")
  nvim:transcript()
  return nvim:lua([[
    local buf, heads = require("pi").session().transcript.buf, {}
    vim.api.nvim_win_call(vim.fn.bufwinid(buf), function()
      for row, line in ipairs(vim.api.nvim_buf_get_lines(buf, 0, -1, false)) do
        if vim.fn.foldclosed(row) == row then
          table.insert(heads, (line:gsub("^▸ ", "")))
        end
      end
    end)
    return heads
  ]])
end

local function shows(chat, heads)
  return { files = { ["a.txt"] = "x\ny\n" }, script = talk, config = chat and config({ chat = chat }) or nil }, function(nvim)
    equal(folded(nvim), heads, "folded")
  end
end

story("thoughts, reading and commands are folded", shows(nil, { "thinking", "read a.txt", "bash echo one; echo two" }))
story("chat.tools = normal leaves commands open", shows({ tools = "normal" }, { "thinking", "read a.txt" }))
story("chat.tools = full leaves all tools open", shows({ tools = "full" }, { "thinking" }))
story("chat.thinking = always leaves thoughts open",
  shows({ thinking = "always" }, { "read a.txt", "bash echo one; echo two" }))

story("chat.thinking = never leaves thoughts out", {
  files = { ["a.txt"] = "x\ny\n" }, script = talk, config = config({ chat = { thinking = "never" } }),
}, function(nvim)
  equal(folded(nvim), { "read a.txt", "bash echo one; echo two" })
  local text = nvim:transcript()
  assert(not text:find("Both files matter", 1, true), text)
end)

story("review.mode = plan changes nothing, and the chat shows what would change", {
  files = { ["a.txt"] = "one\ntwo\n" },
  script = { call("1", "edit", { path = "a.txt", oldText = "two", newText = "TWO" }), answer("That is the plan.") },
  config = config({ settings = { review = { mode = "plan" } } }),
}, function(nvim)
  nvim:edit("a.txt")
  equal(folded(nvim), {}, "folded")
  local text = nvim:transcript()
  contains(text, "edit a.txt", "-two", "+TWO", "That is the plan.")
  assert(not text:find("+++", 1, true), text)
  contains(nvim:window(nvim:lua("return require('pi').session().transcript.buf")), "not made")
  equal(nvim:buffer("a.txt"), "one\ntwo")
end)
