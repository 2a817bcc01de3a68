// RpcClient runs `node <cliPath> --mode rpc …`; this is the file it runs, and hands its stdio over to the binary.
// PI_BIN names it if it is not in PATH.
import { spawn } from "node:child_process";

const pi = spawn(process.env.PI_BIN || "pi", process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => pi.kill(signal));
pi.on("exit", (code) => process.exit(code ?? 1));
pi.on("error", (error) => {
	console.error(error.message);
	process.exit(127);
});
