-- What is written below the history: completion, what goes along, what waits, and that no word is lost.

local gated = { call("1", "bash", { command = "cat gate" }) }

local function prompt(nvim)
  nvim:cmd("Pi focus")
  nvim:wait("vim.bo.filetype == 'pi-prompt' and vim.fn.mode() == 'i'")
end

story("files and the things of the editor are completed behind @, templates behind /", {
  files = {
    ["src/retry.rs"] = "fn retry() {}\n", ["src/main.rs"] = "", ["a.txt"] = "one\n",
  },
  agent = { ["prompts/tidy.md"] = "---\ndescription: Tidy up\n---\nTidy the project.\n" },
  script = { answer("Seen.", "fn retry"), answer("Nothing seen.") },
}, function(nvim)
  nvim:edit("a.txt")
  prompt(nvim)
  nvim:keys("look at @srtry<C-x><C-o>")
  nvim:wait("vim.fn.getline('.') == 'look at @src/retry.rs'")
  nvim:keys(":1 and @diag<C-x><C-o><Esc>")
  nvim:wait("vim.fn.getline('.') == 'look at @src/retry.rs:1 and @diagnostics'")
  nvim:keys("<CR>")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "look at @src/retry.rs:1 and @diagnostics", "Seen.")
  nvim:wait("#require('pi').session().commands > 0")
  nvim:keys("i/tid<C-x><C-o>")
  nvim:wait("vim.fn.getline('.') == '/tidy'")
end)

story("what was added goes with the next prompt, where it is by then", {
  files = { ["a.txt"] = "one\ntwo\nthree\n", ["b.txt"] = "" },
  script = { answer("Two it is.", "(?s)two.*b\\.txt"), answer("Something else.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("2Pi add b.txt")
  nvim:wait("#require('pi').session().added == 2")
  nvim:lua("vim.api.nvim_buf_set_lines(0, 0, 0, true, { 'zero' })")
  nvim:lua("require('pi.prompt').show_below(require('pi').session())")
  contains(nvim:window("pi://" .. nvim.workspace .. "/prompt"), "[a.txt:3] [b.txt]")
  nvim:cmd("Pi which one")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "which one", "Two it is.")
  equal(nvim:lua("return #require('pi').session().added"), 0, "added")
end)

story("what waits is shown, changed, held after a stop, and sent by hand", {
  script = vim.list_extend(vim.deepcopy(gated), { answer("Heard.", "use tabs please"), answer("Something else.") }),
}, function(nvim)
  make_gate(nvim)
  nvim:cmd("Pi begin")
  nvim:event("PiToolStart")
  nvim:cmd("Pi queue use tabs")
  nvim:cmd("Pi queue and commas")
  nvim:wait("require('pi').status().queued == 2")
  local shown = "pi://" .. nvim.workspace .. "/prompt"
  contains(nvim:window(shown), "Queued 2 · :Pi queue list", "↳ after  use tabs", "↳ after  and commas")
  prompt(nvim)
  nvim:keys("<M-Up>")
  nvim:wait("vim.fn.getline('.') == 'and commas' and require('pi').status().queued == 1")
  nvim:keys("<C-u><Esc>")
  nvim:choose("use tabs", "Edit")
  nvim:lua("vim.ui.input = function(opts, done) done(opts.default .. ' please') end")
  nvim:cmd("Pi queue list")
  nvim:wait("require('pi').session().queue[1].text == 'use tabs please'")
  nvim:keys("<C-c>")
  equal(nvim:event("PiRunEnd").outcome, "stopped")
  nvim:wait("require('pi.queue').held(require('pi').session()) == 1")
  contains(nvim:window(shown), "Held 1 · :Pi queue list", "↳ held  use tabs please")
  nvim:choose("use tabs", "Send now")
  nvim:cmd("Pi queue list")
  nvim:event("PiRunEnd", 2)
  contains(nvim:transcript(), "Command aborted", "use tabs please", "Heard.")
  equal(nvim:lua("return require('pi').status().queued"), 0, "queued")
end)

story("a draft survives the editor's death", { script = {} }, function(nvim)
  prompt(nvim)
  nvim:keys("half a thought<Esc>")
  local kept
  assert(vim.wait(5000, function()
    local found = vim.fn.glob(nvim.dir .. "/state/nvim/pi/*.draft", true, true)[1]
    kept = found and table.concat(vim.fn.readfile(found), "\n")
    return kept == "half a thought"
  end, 10), "kept: " .. tostring(kept))
  nvim:again()
  prompt(nvim)
  equal(nvim:current(), "half a thought")
end)
