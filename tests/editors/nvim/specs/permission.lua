-- What Pi may not do unasked: the whole question, deliberate answers, and nothing decided by the way.

local function asks(command, ...)
  return { permissions = "ask", script = { call("1", "bash", { command = command }), ... } }
end

--- Waits for the question and opens it.
local function open(nvim)
  nvim:cmd("Pi look")
  local asked = nvim:event("PiPermission")
  equal(nvim:lua("return require('pi').status().text"), "Waiting for your answer · bash", "status")
  nvim:cmd("Pi answer")
  equal(nvim:lua("return vim.bo.filetype"), "pi-question", "the window")
  return asked.question
end

local function closed(nvim)
  nvim:wait("vim.bo.filetype ~= 'pi-question'")
end

story("a question shows, and one key allows the call once", asks("echo yes > made", answer("It is made.")), function(nvim)
  local question = open(nvim)
  contains(nvim:lua("return _G.said[1]"), "Pi asks: echo yes > made · :Pi allow")
  contains(nvim:current(), question.title, "echo yes > made", "a  Allow once", "r  Reject", "X  ", "R  ")
  equal(nvim:disk("made"), nil, "before the answer")
  nvim:keys("a")
  equal(nvim:event("PiRunEnd").outcome, "done")
  equal(nvim:disk("made"), "yes\n", "what the command did")
  closed(nvim)
  contains(nvim:transcript(), "echo yes > made", "Allow once", "It is made.")
  equal(nvim:lua("return require('pi').status().waiting"), false, "waiting")
end)

story("what is rejected with words is not run, and the model reads them", asks("echo yes > made",
  answer("Then with make.")), function(nvim)
  open(nvim)
  nvim:keys("R")
  nvim:keys("use make<CR>")
  nvim:event("PiRunEnd")
  equal(nvim:disk("made"), nil, "what the command did")
  closed(nvim)
  contains(nvim:transcript(), "The user rejected this call and says: use make", "Then with make.")
end)

story("a command rejects too", asks("echo yes > made", answer("As you like.")), function(nvim)
  nvim:cmd("Pi look")
  nvim:event("PiPermission")
  nvim:cmd("Pi deny use make")
  nvim:event("PiRunEnd")
  equal(nvim:disk("made"), nil, "what the command did")
  contains(nvim:transcript(), "The user rejected this call and says: use make", "As you like.")
  nvim:cmd("Pi deny")
  equal(nvim:lua("return _G.said[#_G.said]"), "Pi asks nothing.")
end)

story("Esc, q and leaving decide nothing, and the question opens again", asks("echo yes > made", answer("Made.")), function(nvim)
  open(nvim)
  for _, keys in ipairs({ "<Esc>", "q", "<C-w>w", ":close<CR>", "R<Esc><Esc>" }) do
    nvim:cmd("Pi answer")
    nvim:keys(keys)
    closed(nvim)
    equal(nvim:lua("return #require('pi').session().questions"), 1, "open after " .. keys)
  end
  -- Not on the screen, it is shown instead of allowed.
  nvim:cmd("Pi allow")
  equal(nvim:lua("return vim.bo.filetype"), "pi-question", "the window")
  equal(nvim:disk("made"), nil, "before the answer")
  nvim:cmd("Pi allow")
  nvim:event("PiRunEnd")
  equal(nvim:disk("made"), "yes\n", "what the command did")
end)

local words = {}
for index = 1, 60 do
  words[index] = ("w%03d"):format(index)
end
local long = "echo " .. table.concat(words, " ") .. " > made"

story("a command of 300 characters is on the screen as a whole", asks(long, answer("Said.")), function(nvim)
  assert(#long >= 300)
  open(nvim)
  local seen = nvim:lua([[
    vim.cmd.redraw()
    local place, text = vim.fn.getwininfo(vim.api.nvim_get_current_win())[1], {}
    for row = place.winrow + 1, place.winrow + place.height do
      for column = place.wincol + 1, place.wincol + place.width do
        text[#text + 1] = vim.fn.screenstring(row, column)
      end
    end
    return table.concat(text)
  ]])
  -- Wrapped text may break anywhere, also at a blank.
  contains((seen:gsub("%s", "")), (long:gsub("%s", "")), "aAllowonce", "XRejectandstop")
  nvim:keys("X")
  nvim:event("PiRunEnd")
  closed(nvim)
end)

story("what is answered elsewhere closes", asks("echo yes > made", answer("Made.")), function(nvim)
  local question = open(nvim)
  nvim:lua([[
    require("pi").session():request("pi/answerPermission", { questionId = ..., choice = "allow_session" })
  ]], question.id)
  closed(nvim)
  nvim:event("PiRunEnd")
  equal(nvim:disk("made"), "yes\n", "what the command did")
end)

story("an edit is asked for with its difference", {
  permissions = "ask",
  files = { ["a.txt"] = "x = 11\n" },
  script = { call("1", "edit", { path = "a.txt", oldText = "11", newText = "2" }), answer("Two.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi make it two")
  nvim:event("PiPermission")
  nvim:cmd("Pi answer")
  contains(nvim:current(), "a.txt", "-x = 11", "+x = 2", "a  Allow once")
  nvim:keys("a")
  nvim:event("PiRunEnd")
  equal(nvim:buffer("a.txt"), "x = 2")
end)

story("stopping closes the question", asks("echo yes > made"), function(nvim)
  open(nvim)
  nvim:cmd("Pi stop")
  closed(nvim)
  equal(nvim:event("PiRunEnd").outcome, "stopped")
  equal(nvim:lua("return require('pi').session().questions"), {}, "open")
  equal(nvim:disk("made"), nil, "what the command did")
end)

story("a setting of the plugin lets Pi edit unasked", {
  permissions = "ask",
  config = {
    cmd = { vim.env.PI_BIN, "--provider", "faux", "--model", "scripted" },
    settings = { permissions = { mode = "edit" } },
  },
  files = { ["a.txt"] = "x = 11\n" },
  script = { call("1", "edit", { path = "a.txt", oldText = "11", newText = "2" }), answer("Two.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi make it two")
  nvim:event("PiRunEnd")
  equal(nvim:buffer("a.txt"), "x = 2")
  equal(nvim:lua("return vim.tbl_contains(_G.seen, 'PiPermission')"), false, "asked")
end)

story("in front of the chat a question opens by itself when no key is typed, and nowhere else", {
  permissions = "ask",
  script = {
    call("1", "bash", { command = "echo one > one" }), answer("One."),
    call("2", "bash", { command = "echo two > two" }), answer("Two."),
  },
}, function(nvim)
  -- Writing a prompt: nothing opens, and no letter answers.
  nvim:cmd("Pi focus")
  nvim:wait("vim.fn.mode() == 'i'")
  nvim:keys("look<C-s>aaa")
  nvim:event("PiPermission")
  nvim:wait("vim.fn.getline('.') == 'aaa'")
  nvim:wait("not require('pi.permission').watching()")
  equal(nvim:lua("return { vim.bo.filetype, #require('pi').session().questions }"), { "pi-prompt", 1 })
  nvim:keys("<Esc>")
  nvim:cmd("Pi allow")
  equal(nvim:lua("return vim.bo.filetype"), "pi-question")
  nvim:cmd("Pi allow once")
  nvim:event("PiRunEnd")
  equal(nvim:disk("one"), "one\n")
  closed(nvim)
  -- Reading the chat in normal mode: it opens.
  nvim:cmd("Pi look again")
  nvim:wait("vim.bo.filetype == 'pi-question'")
  nvim:cmd("Pi allow chat")
  nvim:event("PiRunEnd", 2)
  equal(nvim:disk("two"), "two\n")
end)

story("in the code no question opens", asks("echo yes > made"), function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi look")
  nvim:event("PiPermission")
  nvim:wait("not require('pi.permission').watching()")
  equal(nvim:lua("return vim.fn.expand('%:t')"), "a.txt")
  equal(nvim:lua("return #require('pi').session().questions"), 1)
end)
