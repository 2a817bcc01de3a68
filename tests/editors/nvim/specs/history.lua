-- The chat's history as a place to read in: files, details, code, and where one was.

local script = {
  call("1", "read", { path = "a.txt" }),
  call("2", "bash", { command = "printf 'a\\nb\\n'" }),
  answer("See a.txt:2.\n\n```lua\nreturn 1\n```\n\nThat is all."),
}

--- Goes to the history, to the first line with a text.
local function history(nvim, text)
  nvim:transcript()
  nvim:lua([[
    vim.api.nvim_set_current_win(vim.fn.win_findbuf(require("pi").session().transcript.buf)[1])
    vim.cmd("normal! gg")
    vim.fn.search(..., "c")
  ]], text)
end

story("files, details and code blocks are a key away", {
  files = { ["a.txt"] = "one\ntwo\n" },
  script = script,
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi look")
  nvim:event("PiRunEnd")
  history(nvim, "See a.txt")
  nvim:keys("gf")
  nvim:wait("vim.fn.expand('%:t') == 'a.txt' and vim.fn.line('.') == 2")
  equal(nvim:lua("return #vim.api.nvim_list_wins()"), 3, "windows")
  history(nvim, "bash printf")
  nvim:keys("K")
  nvim:wait([[vim.iter(vim.api.nvim_list_bufs()):any(function(buf)
    local lines = vim.api.nvim_buf_get_lines(buf, 0, -1, false)
    return lines[1] == "bash" and lines[2] == "command: printf 'a\\nb\\n'" and lines[4] == "a" and lines[5] == "b"
  end)]])
  history(nvim, "return 1")
  nvim:keys("gy")
  nvim:wait([[vim.fn.getreg('"') == "return 1\n"]])
end)

story("a prompt is asked again in the place of its answer", {
  script = { answer("First try."), answer("Second try.", "look") },
}, function(nvim)
  nvim:cmd("Pi hello there")
  nvim:event("PiRunEnd")
  history(nvim, "First try")
  nvim:keys("r")
  nvim:event("PiRunEnd", 2)
  local text = nvim:transcript()
  contains(text, "hello there")
  assert(not text:find("First try", 1, true), text)
  equal(#vim.split(text, "hello there", { plain = true }), 2, "times it is there")
end)

story("a chat that is closed is opened where it was read", {
  script = { answer(("line\n"):rep(200)) },
}, function(nvim)
  nvim:cmd("Pi hello")
  nvim:event("PiRunEnd")
  nvim:transcript()
  nvim:lua([[vim.api.nvim_win_set_cursor(vim.fn.win_findbuf(require("pi").session().transcript.buf)[1], { 40, 0 })]])
  nvim:cmd("Pi close")
  nvim:cmd("Pi toggle")
  nvim:wait("#vim.api.nvim_list_wins() == 3")
  equal(nvim:lua([[
    return vim.api.nvim_win_get_cursor(vim.fn.win_findbuf(require("pi").session().transcript.buf)[1])[1]
  ]]), 40)
end)
