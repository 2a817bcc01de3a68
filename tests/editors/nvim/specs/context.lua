-- What a prompt is about reaches the model, in the positions of the negotiated encoding.

local files = { ["a.txt"] = "first\né𝄞 alpha beta\nthird\n" }

story("a characterwise selection is exactly what the model gets", {
  files = files,
  script = { answer("Only alpha.", "(?m)^alpha$"), answer("Something else.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:keys("jfave:Pi why this<CR>")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "why this", "Only alpha.")
  assert(not nvim:transcript():find("é𝄞", 1, true), "the prompt is shown as typed")
end)

story("a range is sent as its lines, unsaved text included", {
  files = files,
  script = { answer("Both lines.", "(?s)changed alpha beta\n.*third"), answer("Something else.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua("vim.api.nvim_buf_set_lines(0, 1, 2, true, { 'changed alpha beta' })")
  nvim:cmd("2,3Pi ask explain")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "Both lines.")
end)

story("a motion is asked about through the operator", {
  files = files,
  script = { answer("Only alpha.", "(?m)^alpha$"), answer("Something else.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua([[
    vim.keymap.set("n", "gz", "<Plug>(pi-operator)")
    vim.ui.input = function(_, done) done("explain") end
  ]])
  nvim:keys("jfagze")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "Only alpha.")
end)

story("the code action asks for the question and sends the selection", {
  files = files,
  script = { answer("Only alpha.", "(?m)^alpha$"), answer("Something else.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua([[
    vim.ui.input = function(_, done) done("explain") end
    require("pi").session():when_ready(function() _G.ready = true end)
  ]])
  nvim:wait("_G.ready")
  nvim:keys("jfave")
  nvim:lua([[vim.lsp.buf.code_action({ apply = true, filter = function(action)
    _G.title = action.title
    return vim.startswith(action.title, "Pi: ask about")
  end })]])
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "explain", "Only alpha.")
end)

story("free text that begins like a subcommand is a prompt", {
  files = { ["a.txt"] = "one\n" },
  script = { { content = { { type = "text", text = "Heard." } }, ["repeat"] = true } },
}, function(nvim)
  nvim:edit("a.txt")
  local prompts = {
    "stop using spaces", "add tests", "edit the readme", "rename the function", "revert this", "export it", "keep it short",
    "diff it", "mode of operation",
  }
  for count, prompt in ipairs(prompts) do
    nvim:cmd("Pi " .. prompt)
    nvim:event("PiRunEnd", count)
    contains(nvim:transcript(), "\n\n" .. prompt .. "\n")
  end
  nvim:cmd("Pi add a.txt")
  nvim:wait("#require('pi').session().added == 1")
end)
