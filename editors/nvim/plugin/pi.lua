-- The command, the <Plug> mappings and nothing else: no module is loaded and no process started before one of them
-- is used. Configuration is `vim.g.pi`, see `:help pi-config`; there is no setup().
if vim.g.loaded_pi then
  return
end
vim.g.loaded_pi = 1

if vim.fn.has("nvim-0.10") == 0 then
  vim.api.nvim_create_user_command("Pi", function()
    vim.notify("Pi needs Neovim 0.10 or newer", vim.log.levels.ERROR)
  end, { nargs = "*", range = true, bang = true })
  return
end

vim.api.nvim_create_user_command("Pi", function(args)
  require("pi.command").run(args)
end, {
  nargs = "*",
  range = true,
  bang = true,
  desc = "Ask Pi, or run one of its subcommands",
  complete = function(lead, line, position)
    return require("pi.command").complete(lead, line, position)
  end,
})
vim.api.nvim_create_user_command("PiSteer", function(args)
  require("pi.command").steer(args)
end, { nargs = "*", range = true, desc = "Tell the running Pi something (idle: ask)" })
vim.api.nvim_create_user_command("PiAbort", function()
  require("pi").stop()
end, { desc = "Stop Pi" })

local function plug(modes, name, rhs, desc)
  vim.keymap.set(modes, "<Plug>(" .. name .. ")", rhs, { desc = desc })
end
plug("n", "pi-chat", "<Cmd>Pi<CR>", "Pi: open or focus the chat")
plug("n", "pi-ask", "<Cmd>Pi ask<CR>", "Pi: ask")
plug("x", "pi-ask", ":Pi ask<CR>", "Pi: ask about the selection")
plug("n", "pi-answer", "<Cmd>Pi answer<CR>", "Pi: open the question that waits")
plug("n", "pi-stop", "<Cmd>Pi stop<CR>", "Pi: stop")
plug("n", "pi-hunk-next", "<Cmd>lua require('pi.decide').step(true)<CR>", "Pi: next change")
plug("n", "pi-hunk-prev", "<Cmd>lua require('pi.decide').step(false)<CR>", "Pi: previous change")
plug("n", "pi-hunk-keep", "<Cmd>Pi keep<CR>", "Pi: keep the change here")
plug("x", "pi-hunk-keep", ":Pi keep<CR>", "Pi: keep the changes in these lines")
plug("n", "pi-hunk-reject", "<Cmd>Pi reject<CR>", "Pi: reject the change here")
plug("x", "pi-hunk-reject", ":Pi reject<CR>", "Pi: reject the changes in these lines")
plug("n", "pi-hunk-preview", "<Cmd>lua require('pi.decide').preview()<CR>", "Pi: show the change here with its old text")
plug("n", "pi-hunk-diff", "<Cmd>Pi diff<CR>", "Pi: show the file beside its old text")
plug({ "o", "x" }, "pi-hunk-inner", ":<C-u>lua require('pi.decide').select()<CR>", "Pi: the lines of the change here")
plug("n", "pi-file-keep", "<Cmd>Pi keep file<CR>", "Pi: keep all changes in the file")
plug("n", "pi-file-reject", "<Cmd>Pi reject file<CR>", "Pi: reject all changes in the file")
plug("n", "pi-review", "<Cmd>Pi review<CR>", "Pi: go through the changes that wait")
vim.keymap.set({ "n", "x" }, "<Plug>(pi-operator)", function()
  return require("pi.operator").start()
end, { expr = true, desc = "Pi: ask about a motion" })

vim.keymap.set({ "n", "x" }, "<Plug>(pi-edit-operator)", function()
  return require("pi.operator").start("edit")
end, { expr = true, desc = "Pi: change the text of a motion" })
plug("n", "pi-add", "<Cmd>Pi add<CR>", "Pi: add the file to the next prompt")
plug("x", "pi-add", ":Pi add<CR>", "Pi: add the lines to the next prompt")

-- With `autostart = "open"` the server starts with the first file instead of the first command.
if type(vim.g.pi) == "table" and vim.g.pi.autostart == "open" then
  vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
    group = vim.api.nvim_create_augroup("pi.autostart", {}),
    callback = function()
      return require("pi").autostart()
    end,
  })
end
