-- Talking to Pi while it works, stopping it, and losing it.

local gated = { call("1", "bash", { command = "echo $$ > shell; echo $PPID > server; cat gate" }) }

local function with(...)
  return vim.list_extend(vim.deepcopy(gated), { ... })
end

local function number_in(nvim, name)
  local value
  vim.wait(5000, function()
    value = tonumber(nvim:disk(name) or "")
    return value ~= nil
  end, 10)
  return assert(value, "no number in " .. name)
end

story("what is said while Pi works is delivered into the run", {
  script = with(answer("I heard you.", "use tabs"), answer("I heard nothing.")),
}, function(nvim)
  make_gate(nvim)
  nvim:cmd("Pi begin")
  nvim:event("PiToolStart")
  equal(nvim:lua("return require('pi').status().state"), "tool")
  contains(nvim:lua("return require('pi').statusline()"), "Running echo $$")
  nvim:cmd("PiSteer use tabs")
  nvim:wait("require('pi').status().queued == 1")
  open_gate(nvim)
  equal(nvim:event("PiRunEnd").outcome, "done")
  contains(nvim:transcript(), "begin", "the gate is open", "## You", "use tabs", "I heard you.")
  equal(nvim:lua("return #vim.tbl_filter(function(it) return it == 'PiRunStart' end, _G.seen)"), 1, "runs")
  equal(nvim:lua("return require('pi').statusline()"), "")
end)

story("a queued message is delivered when Pi is done", {
  script = with(answer("First part done."), answer("Second part done.", "and then this")),
}, function(nvim)
  make_gate(nvim)
  nvim:cmd("Pi begin")
  nvim:event("PiToolStart")
  nvim:cmd("Pi queue and then this")
  nvim:wait("require('pi').status().queued == 1")
  open_gate(nvim)
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "First part done.", "and then this", "Second part done.")
end)

story("a message sent when Pi is idle is a prompt, whatever it was meant to be", {
  script = { answer("At once.") },
}, function(nvim)
  nvim:cmd("PiSteer hello")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "hello", "At once.")
end)

story("stopping ends the command that runs and the run", {
  script = gated,
}, function(nvim)
  make_gate(nvim)
  nvim:cmd("Pi begin")
  nvim:event("PiToolStart")
  local shell = number_in(nvim, "shell")
  nvim:cmd("PiAbort")
  equal(nvim:event("PiRunEnd").outcome, "stopped")
  assert(vim.wait(5000, function()
    return vim.uv.kill(shell, 0) ~= 0
  end, 10), "the shell still runs")
  equal(nvim:lua("return require('pi').status().state"), "stopped")
  nvim:cmd("PiAbort")
  equal(nvim:lua("return _G.said[#_G.said]"), "Pi is not working on anything.")
end)

story("queued texts can be taken back into the prompt", {
  script = with(answer("Done.")),
}, function(nvim)
  make_gate(nvim)
  nvim:cmd("Pi begin")
  nvim:event("PiToolStart")
  nvim:cmd("Pi queue later")
  nvim:wait("require('pi').status().queued == 1")
  nvim:cmd("Pi focus")
  nvim:wait("vim.bo.filetype == 'pi-prompt' and vim.fn.mode() == 'i'")
  nvim:keys("<M-Up>")
  nvim:wait("vim.api.nvim_get_current_line() == 'later' and require('pi').status().queued == 0")
  open_gate(nvim)
  nvim:event("PiRunEnd")
end)

story("a server that dies is started again with the same session", {
  script = { answer("Before."), gated[1], answer("After.", "still there") },
}, function(nvim)
  make_gate(nvim)
  nvim:cmd("Pi hello")
  nvim:event("PiRunEnd")
  nvim:lua("_G.id = require('pi').session().id")
  nvim:cmd("Pi begin")
  nvim:event("PiToolStart")
  assert(vim.uv.kill(number_in(nvim, "server"), "sigkill") == 0)
  nvim:event("PiRunEnd", 2)
  contains(nvim:event("PiError").message, "Pi stopped unexpectedly", "Restarting… 1 of 3")
  nvim:wait("require('pi').session().phase == 'ready' and require('pi').session().id == _G.id")
  nvim:cmd("Pi still there")
  nvim:event("PiRunEnd", 3)
  contains(nvim:transcript(), "Before.", "Pi stopped unexpectedly", "still there", "After.")
end)

story("a restart keeps the session", { script = { answer("One."), answer("Two.", "again") } }, function(nvim)
  nvim:cmd("Pi hello")
  nvim:event("PiRunEnd")
  nvim:lua("_G.id, _G.client = require('pi').session().id, require('pi').session().client.id")
  nvim:cmd("Pi restart")
  nvim:wait([[require('pi').session().phase == 'ready' and require('pi').session().client.id ~= _G.client
    and require('pi').session().id == _G.id]])
  nvim:cmd("Pi again")
  nvim:event("PiRunEnd", 2)
  contains(nvim:transcript(), "One.", "again", "Two.")
  equal(nvim:lua("return _G.said"), {}, "messages")
end)

local REFUSED = '401: {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}'

story("a refused key is told in words, and what the provider said is folded", {
  script = { { error = REFUSED } },
}, function(nvim)
  nvim:cmd("Pi hello")
  local ended = nvim:event("PiRunEnd")
  equal(ended.outcome, "failed")
  contains(ended.message, "did not accept the key (401). Nothing was sent to tools.")
  contains(nvim:transcript(), "did not accept the key (401)", ":Pi setup · :Pi model", "details", REFUSED)
  nvim:cmd("Pi focus")
  nvim:wait([[vim.bo.filetype == 'pi-prompt']])
  local screen = nvim:lua([[
    vim.cmd.redraw()
    local lines = {}
    for row = 1, vim.o.lines do
      local line = {}
      for column = 1, vim.o.columns do line[column] = vim.fn.screenstring(row, column) end
      lines[row] = table.concat(line)
    end
    return table.concat(lines, "\n")
  ]])
  contains(screen, "did not accept the key (401)")
  assert(not screen:find("{", 1, true), "JSON on the screen:\n" .. screen)
end)
