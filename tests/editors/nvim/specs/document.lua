-- The chat document `.pi/chat/*.md`, with the plugin and with nothing but `vim.lsp.start`.

local plain = [[
  vim.o.swapfile = false
  vim.o.cmdheight = 2
  vim.api.nvim_create_autocmd("FileType", {
    callback = function(args)
      if vim.bo[args.buf].buftype == "" and vim.api.nvim_buf_get_name(args.buf) ~= "" then
        vim.lsp.start({ name = "pi", cmd = %s, root_dir = vim.fs.root(args.buf, ".git") })
      end
    end,
  })
]]
plain = plain:format(vim.inspect({ vim.env.PI_BIN, "lsp", "--provider", "faux", "--model", "scripted" }))

--- Opens the chat document through its code action.
local function open_chat(nvim)
  nvim:edit("a.txt")
  nvim:wait("vim.lsp.get_clients({ name = 'pi', bufnr = 0 })[1] and vim.lsp.get_clients({ name = 'pi' })[1].initialized")
  nvim:lua([[vim.lsp.buf.code_action({ apply = true, filter = function(action)
    return action.title == "Pi: open chat"
  end })]])
  nvim:wait("vim.api.nvim_buf_get_name(0):find('/%.pi/chat/.*%.md$') and vim.fn.search('^## You', 'nw') > 0")
end

--- Writes below the last heading and saves, as a user does.
local function say(nvim, text)
  nvim:keys("Go" .. text .. "<Esc>:write<CR>")
end

local function shows(nvim, text)
  local ok, problem = pcall(nvim.wait, nvim,
    "table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n'):find(arguments[1], 1, true)", text)
  if not ok then
    error(("%s\nnot shown: %s\n%s"):format(problem, text, nvim:current()), 0)
  end
end

local talk = {
  answer("Hello to you.", "hello"),
  call("1", "bash", { command = "cat gate" }),
  answer("With tabs, then.", "use tabs"),
  answer("Goodbye.", "bye"),
}

local function converse(nvim, open)
  make_gate(nvim)
  open(nvim)
  say(nvim, "hello there")
  shows(nvim, "Hello to you.")
  say(nvim, "now run it")
  shows(nvim, "### ▶ bash")
  say(nvim, "use tabs")
  shows(nvim, "(steered)")
  open_gate(nvim)
  shows(nvim, "With tabs, then.")
  say(nvim, "bye")
  shows(nvim, "Goodbye.")
  contains(nvim:current(), "## You", "hello there", "## Pi", "Hello to you.", "now run it", "### ✓ bash", "the gate is open",
    "With tabs, then.", "bye", "Goodbye.", "## You")
  equal(nvim:lua("return #vim.tbl_filter(function(it) return it:find('^## You') end, vim.api.nvim_buf_get_lines(0, 0, -1, false)) >= 4"), true)
end

story("three turns and a steer in a chat document, without the plugin", {
  script = talk,
  init = plain,
  files = { ["a.txt"] = "one\n" },
}, function(nvim)
  converse(nvim, open_chat)
end)

story("three turns and a steer in a chat document, beside the plugin", { script = talk }, function(nvim)
  converse(nvim, function()
    nvim:cmd("Pi document")
    nvim:wait("vim.api.nvim_buf_get_name(0):find('/%.pi/chat/.*%.md$') and vim.fn.search('^## You', 'nw') > 0")
  end)
  -- The same chat in the history of the plugin.
  contains(nvim:transcript(), "hello there", "Hello to you.", "use tabs", "Goodbye.")
end)

story("a question in a chat document is answered by a tick, from a list and by a word, without the plugin", {
  permissions = "ask",
  init = plain,
  files = { ["a.txt"] = "one\n" },
  script = {
    call("1", "bash", { command = "echo one > one" }), answer("First done."),
    call("2", "bash", { command = "echo two > two" }), answer("Second done."),
    call("3", "bash", { command = "echo three > three" }), answer("Third not done."),
  },
}, function(nvim)
  open_chat(nvim)
  -- Neovim offers the answers in a list; none of them is no answer.
  nvim:choose("none of these", "Allow once", "none of these")
  say(nvim, "run it")
  shows(nvim, "- [ ] allow once")
  -- Its mark says that the server knows the text; Neovim may report a tick in the same breath as the box.
  nvim:wait("#vim.diagnostic.get(0) == 1")
  equal(nvim:disk("one"), nil, "before the answer")
  nvim:keys("gg/allow once<CR>0f[lrx:write<CR>")
  shows(nvim, "First done.")
  equal(nvim:disk("one"), "one\n", "what the command did")
  say(nvim, "run it again")
  shows(nvim, "Second done.")
  equal(nvim:disk("two"), "two\n", "what the command did")
  say(nvim, "and again")
  shows(nvim, "### ? question 3")
  say(nvim, "/reject use make")
  shows(nvim, "Third not done.")
  contains(nvim:current(), "use make")
  contains(nvim:lua("return _G.offered[1][1]"), "echo one > one")
  equal(nvim:disk("three"), nil, "what the command did")
end)

story("a change is undone, kept and rejected through code actions, without the plugin", {
  init = plain,
  files = { ["a.txt"] = "one\ntwo\nthree\nfour\nfive\n" },
  script = {
    call("1", "bash", { command = "cat gate" }),
    call("2", "edit", { path = "a.txt", oldText = "one", newText = "ONE" }),
    call("3", "bash", { command = "cat gate" }),
    call("4", "edit", { path = "a.txt", oldText = "five", newText = "FIVE" }),
    answer("Two changes."),
  },
}, function(nvim)
  make_gate(nvim)
  open_chat(nvim)
  say(nvim, "shout")
  shows(nvim, "$ cat gate")
  nvim:edit("a.txt")
  local hints = "vim.tbl_map(function(it) return it.lnum end, vim.diagnostic.get(vim.fn.bufnr('a.txt')))"
  open_gate(nvim)
  nvim:wait("vim.deep_equal(" .. hints .. ", { 0 })")
  -- Neovim's undo takes edits together between which it has not waited for a key in their buffer.
  nvim:keys("j")
  nvim:wait("vim.fn.line('.') == 2")
  open_gate(nvim)
  nvim:wait("vim.deep_equal(" .. hints .. ", { 0, 4 })")
  local function act(title)
    nvim:lua([[local title = ...
      vim.lsp.buf.code_action({ apply = true, filter = function(action)
        return vim.startswith(action.title, title)
      end })]], title)
  end
  nvim:keys("u")
  nvim:wait("vim.deep_equal(" .. hints .. ", { 0 })")
  nvim:keys("<C-r>")
  nvim:wait("vim.deep_equal(" .. hints .. ", { 0, 4 })")
  nvim:keys("gg")
  nvim:wait("vim.fn.line('.') == 1")
  act("Pi: keep this change")
  nvim:wait("vim.deep_equal(" .. hints .. ", { 4 })")
  nvim:keys("G")
  nvim:wait("vim.fn.line('.') == 5")
  act("Pi: reject this change")
  nvim:wait("#vim.diagnostic.get(vim.fn.bufnr('a.txt')) == 0")
  equal(nvim:buffer("a.txt"), "ONE\ntwo\nthree\nfour\nfive")
end)
