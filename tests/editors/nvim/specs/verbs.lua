-- What can be asked about code with one word, and what becomes of the code.

local files = { ["a.txt"] = "first\nalpha beta\nthird\n" }

--- A language server in the editor's own process, which knows one symbol: lines 1 and 2 are `outer`.
local outline = [[
  local function server()
    return {
      request = function(method, _, callback)
        if method == "initialize" then
          callback(nil, { capabilities = { documentSymbolProvider = true } })
        elseif method == "textDocument/documentSymbol" then
          local range = { start = { line = 0, character = 0 }, ["end"] = { line = 1, character = 10 } }
          callback(nil, { { name = "outer", kind = 12, range = range, selectionRange = range } })
        else
          callback(nil, nil)
        end
        return true, 1
      end,
      notify = function() end,
      is_closing = function() return false end,
      terminate = function() end,
    }
  end
  vim.lsp.start({ name = "outline", cmd = server, root_dir = vim.uv.cwd() })
]]

story("the symbol at the cursor is explained when nothing is selected", {
  files = files,
  script = { answer("Both lines.", "(?s)Explain the selected code.*first\n.*alpha beta"), answer("Something else.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua(outline)
  nvim:keys("j")
  nvim:cmd("Pi explain")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "Explain the selected code.", "Both lines.")
end)

story("a line is explained when there is no outline, and words behind it make it a prompt", {
  files = files,
  script = { answer("One line.", "(?m)^.*alpha beta$"), answer("All of it.", "^explain it all$"), answer("Else.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:keys("j")
  nvim:cmd("Pi explain")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "One line.")
  nvim:cmd("Pi explain it all")
  nvim:event("PiRunEnd", 2)
  contains(nvim:transcript(), "All of it.")
end)

story("problems are fixed, those of the line first", {
  files = files,
  script = { answer("One problem.", "(?s)Fix this problem.*no beta here"), answer("Else.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi fix")
  equal(nvim:lua("return _G.said[#_G.said]"), "There is no problem at the cursor or in this file.")
  nvim:lua([[
    vim.diagnostic.set(vim.api.nvim_create_namespace("lint"), 0, {
      { lnum = 1, col = 6, end_col = 10, message = "no beta here", severity = vim.diagnostic.severity.ERROR },
      { lnum = 2, col = 0, message = "third is not allowed", severity = vim.diagnostic.severity.ERROR },
    })
  ]])
  nvim:keys("j")
  nvim:cmd("Pi fix")
  nvim:event("PiRunEnd")
  local text = nvim:transcript()
  contains(text, "One problem.")
  assert(not text:find("third is not allowed", 1, true), text)
end)

story("code is changed where it stands, without the chat, and the change waits", {
  files = files,
  script = { call("1", "edit", { path = "a.txt", oldText = "alpha", newText = "ALPHA" }), answer("Done.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua("vim.keymap.set({ 'n', 'x' }, 'ge', '<Plug>(pi-edit-operator)'); vim.ui.input = function(_, done) done('shout') end")
  nvim:keys("jgeiw")
  nvim:event("PiRunStart")
  nvim:event("PiRunEnd")
  nvim:wait("#require('pi').hunks() == 1")
  equal(nvim:buffer("a.txt"), "first\nALPHA beta\nthird")
  equal(nvim:lua("return #vim.api.nvim_list_wins()"), 1, "windows")
  assert(not nvim:window("a.txt"):find("Pi is changing this", 1, true))
  nvim:keys("u")
  nvim:wait("#require('pi').hunks() == 0")
end)

story("code is selected, a code action changes it, and each change is decided about on its own", {
  files = { ["a.txt"] = "one\ntwo\nthree\nfour\nfive\n" },
  script = {
    { content = { { type = "tool", id = "1", name = "bash", args = { command = "cat gate" } } }, match = "(?s)shout.*one" },
    call("2", "edit", { path = "a.txt", oldText = "one", newText = "ONE" }),
    call("3", "edit", { path = "a.txt", oldText = "five", newText = "FIVE" }),
    answer("Done."),
  },
}, function(nvim)
  make_gate(nvim)
  nvim:edit("a.txt")
  nvim:keys("Gonotes<Esc>gg")
  nvim:lua([[
    vim.ui.input = function(_, done) done("shout") end
    require("pi").session():when_ready(function() _G.ready = true end)
  ]])
  nvim:wait("_G.ready")
  nvim:keys("V4j")
  nvim:lua([[vim.lsp.buf.code_action({ apply = true, filter = function(action)
    return vim.startswith(action.title, "Pi: ask about")
  end })]])
  nvim:event("PiToolStart")
  contains(nvim:lua("return require('pi').statusline()"), "Running cat gate…")
  open_gate(nvim)
  nvim:event("PiRunEnd")
  nvim:wait("#require('pi').hunks(vim.fn.bufnr('a.txt')) == 2")
  equal(nvim:buffer("a.txt"), "ONE\ntwo\nthree\nfour\nFIVE\nnotes")
  nvim:keys("<Esc>u")
  nvim:wait("#require('pi').hunks(vim.fn.bufnr('a.txt')) == 1")
  equal(nvim:buffer("a.txt"), "ONE\ntwo\nthree\nfour\nfive\nnotes")
  nvim:keys("<C-r>")
  nvim:wait("#require('pi').hunks(vim.fn.bufnr('a.txt')) == 2")
  nvim:keys("gg:Pi keep<CR>5G:Pi reject<CR>")
  nvim:wait("#require('pi').hunks(vim.fn.bufnr('a.txt')) == 0")
  equal(nvim:buffer("a.txt"), "ONE\ntwo\nthree\nfour\nfive\nnotes")
  -- What was typed is there, because it was saved before the command; what Pi wrote is not.
  equal(nvim:disk("a.txt"), "one\ntwo\nthree\nfour\nfive\nnotes\n", "disk")
end)

story("the new text is seen below the old one while the model writes it, and is not in the buffer", {
  -- The question whether it may be made holds the edit back.
  permissions = "ask",
  files = files,
  script = {
    {
      content = {
        { type = "tool", id = "1", name = "edit", chunk = 4, args = {
          path = "a.txt", oldText = "alpha beta", newText = "\"ALPHA\"\n\tbeta \\ é😀",
        } },
      },
      delay_ms = 60,
    },
    answer("Done."),
  },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua([[
    vim.bo.tabstop = 4
    -- Each new picture of the lines below the place, as text.
    _G.pictures = {}
    local set = vim.api.nvim_buf_set_extmark
    vim.api.nvim_buf_set_extmark = function(buf, ns, row, col, opts)
      if opts.virt_lines and ns == vim.api.nvim_get_namespaces()["pi.inplace"] then
        table.insert(_G.pictures, table.concat(vim.tbl_map(function(line)
          return line[1][1]
        end, opts.virt_lines), "|"))
      end
      return set(buf, ns, row, col, opts)
    end
  ]])
  nvim:cmd("2Pi edit shout")
  -- Typing elsewhere is free meanwhile, and moves the place.
  nvim:event("PiPermission")
  nvim:keys("ggOnew<Esc>")
  nvim:wait("vim.fn.line('$') == 4")
  contains(nvim:window("a.txt"), "new", "first", "alpha beta", "Pi is changing this", '"ALPHA"', "    beta \\ é😀", "third")
  equal(nvim:buffer("a.txt"), "new\nfirst\nalpha beta\nthird", "before it is made")
  local pictures, whole, before = nvim:lua("return _G.pictures"), '"ALPHA"|    beta \\ é😀', ""
  assert(#pictures > 1 and pictures[1] ~= whole and pictures[#pictures] == whole, vim.inspect(pictures))
  for _, text in ipairs(pictures) do
    assert(vim.startswith(whole, text) and #text >= #before, vim.inspect(pictures))
    before = text
  end
  nvim:cmd("Pi allow")
  nvim:keys("a")
  nvim:event("PiRunEnd")
  nvim:wait("#require('pi').hunks() == 1")
  equal(nvim:buffer("a.txt"), "new\nfirst\n\"ALPHA\"\n\tbeta \\ é😀\nthird")
  equal(nvim:lua([[return #vim.api.nvim_buf_get_extmarks(0, vim.api.nvim_get_namespaces()["pi.inplace"], 0, -1, {})]]), 0)
  nvim:keys("u")
  nvim:wait("#require('pi').hunks() == 0")
  equal(nvim:buffer("a.txt"), "new\nfirst\nalpha beta\nthird", "after one undo")
end)

story("the strings of a tool call are read from its JSON wherever that is cut", {}, function(nvim)
  equal(nvim:lua([[
    local arguments = require("pi.inplace").arguments
    local args = { path = 'a "b".txt', edits = { { oldText = "x: {", newText = "é\\n\"\t😀\\" } }, count = 3, on = true }
    local json = vim.json.encode(args):gsub("é", "\\u00e9")
    local wrong = {}
    for size = 1, #json do
      local it = arguments()
      for at = 1, #json, size do
        it:feed(json:sub(at, at + size - 1))
      end
      for key, value in pairs({ path = args.path, oldText = "x: {", newText = args.edits[1].newText }) do
        if it:get(key) ~= value or it:whole(key) ~= value then
          table.insert(wrong, { size, key, it:get(key) })
        end
      end
    end
    local half = arguments()
    half:feed('{"path": "a.tx')
    return { wrong, half:get("path"), half:whole("path") == nil, half:get("newText") == nil }
  ]]), { {}, "a.tx", true, true })
end)
