// Draws so many QR codes with npm's qrcode, from the file of codes that bench/qr.py has written; prints the CPU seconds
// of this process for the SVGs and for the PNGs, start-up left out.
import { readFileSync } from "node:fs";
import QRCode from "qrcode";

const codes = JSON.parse(readFileSync(process.argv[2], "utf8"));
const options = { errorCorrectionLevel: "M", margin: 4, scale: 10 };

const measure = async (draw) => {
  await draw(codes[0]);
  const start = process.cpuUsage();
  for (const code of codes) await draw(code);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
};

const svg = await measure((code) => QRCode.toString(code, { ...options, type: "svg" }));
const png = await measure((code) => QRCode.toBuffer(code, options));
console.log(JSON.stringify({ svg, png }));
