-- Models, levels, and the commands around the chat.

story("model and thinking level are chosen by name and completed", { script = {} }, function(nvim)
  nvim:cmd("Pi")
  nvim:wait("require('pi').session().levels[1] and require('pi').session().models[1]")
  equal(nvim:lua("return vim.fn.getcompletion('Pi model ', 'cmdline')"), { "faux/scripted" })
  assert(vim.tbl_contains(nvim:lua("return vim.fn.getcompletion('Pi thinking ', 'cmdline')"), "high"))
  nvim:keys("<Esc>")
  nvim:cmd("Pi thinking high")
  nvim:wait("require('pi').status().thinking == 'high'")
  nvim:cmd("Pi model scripted")
  nvim:wait("require('pi').status().model == 'scripted'")
  nvim:cmd("Pi model nobody")
  contains(nvim:event("PiError").message, "No model is called nobody")
end)

story("a picker chooses without a name", { script = {} }, function(nvim)
  nvim:lua([[
    vim.ui.select = function(items, opts, done)
      _G.offered = vim.tbl_map(opts.format_item or tostring, items)
      done(items[#items])
    end
  ]])
  nvim:cmd("Pi model")
  nvim:wait("_G.offered")
  equal(nvim:lua("return _G.offered"), { "faux/scripted" })
  nvim:cmd("Pi thinking")
  nvim:wait("_G.offered[1] == 'off'")
  nvim:wait("require('pi').status().thinking == _G.offered[#_G.offered]")
end)

story("the doctor and the log open beside the work", { script = {} }, function(nvim)
  nvim:cmd("Pi doctor")
  nvim:wait("vim.bo.buftype == 'terminal' and vim.fn.search('pi-server', 'nw') > 0")
  nvim:cmd("Pi log")
  nvim:wait("vim.api.nvim_buf_get_name(0) == require('pi.compat').lsp_log_path()")
end)

story("two folders have two sessions", {
  files = { ["one/.pi/x"] = "", ["one/a.txt"] = "x = 11\n", ["two/.pi/x"] = "", ["two/a.txt"] = "y = 11\n" },
  script = {
    call("1", "read", { path = "a.txt" }),
    call("2", "edit", { path = "a.txt", oldText = "11", newText = "2" }),
    answer("Done."),
  },
}, function(nvim)
  for _, name in ipairs({ "one/a.txt", "two/a.txt" }) do
    nvim:cmd("only")
    nvim:edit(name)
    nvim:cmd("Pi make it two")
    nvim:wait("require('pi').status().state == 'idle' and #require('pi').session().transcript:turns() == 1")
  end
  equal(nvim:buffer("one/a.txt"), "x = 2")
  equal(nvim:buffer("two/a.txt"), "y = 2")
  equal(nvim:disk("two/a.txt"), "y = 11\n")
  equal(nvim:lua("return vim.tbl_count(require('pi.session').all)"), 2)
end)
