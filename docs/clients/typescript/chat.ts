// A small chat with the RpcClient that Pi publishes, over `pi --mode rpc`.
//
// Every line of stdin is a prompt, or steers the run that is going on; `/stop` stops it. When stdin ends, the chat ends
// with the run. Arguments go to `pi`; PI_BIN names it if it is not in PATH.
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
// The client alone: the main file of the package loads all of Pi, and needs Node 22 for that.
import { RpcClient, type RpcEventListener } from "./node_modules/@earendil-works/pi-coding-agent/dist/modes/rpc/rpc-client.js";

const client = new RpcClient({
	cliPath: fileURLToPath(new URL("pi.mjs", import.meta.url)),
	args: process.argv.slice(2),
});
const show = (text: string) => process.stdout.write(text);

let leaving = false;
let leave = () => {};
const left = new Promise<void>((resolve) => {
	leave = resolve;
});

const listen: RpcEventListener = (event) => {
	switch (event.type) {
		case "message_start":
			if (event.message.role === "user") {
				const { content } = event.message;
				const blocks = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
				show(`> ${blocks.map((block) => (block.type === "text" ? block.text : "")).join("")}\n`);
			}
			break;
		case "message_update": {
			const update = event.assistantMessageEvent;
			if (update.type === "text_delta") show(update.delta);
			else if (update.type === "text_end") show("\n");
			break;
		}
		case "message_end":
			if (event.message.role === "assistant" && ["error", "aborted"].includes(event.message.stopReason)) {
				show(`[${event.message.errorMessage ?? "stopped"}]\n`);
			}
			break;
		case "tool_execution_start":
			show(`[${event.toolName} ${JSON.stringify(event.args)}]\n`);
			break;
		case "tool_execution_end":
			show(`[${event.toolName}: ${event.isError ? "failed" : "done"}]\n`);
			break;
		case "queue_update":
			if (event.steering.length > 0) show(`[waiting: ${event.steering.join(", ")}]\n`);
			break;
		case "agent_settled":
			show("[ready]\n");
			if (leaving) leave();
			break;
	}
};

await client.start();
client.onEvent(listen);
for await (const line of createInterface({ input: process.stdin })) {
	const text = line.trim();
	try {
		if (text === "/stop") await client.abort();
		else if (text && (await client.getState()).isStreaming) await client.steer(text);
		else if (text) await client.prompt(text);
	} catch (error) {
		show(`[${error instanceof Error ? error.message : error}]\n`);
	}
}
leaving = true;
if ((await client.getState()).isStreaming) await left;
await client.stop();
