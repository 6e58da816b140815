// What an answered call hears, as TwiML. The SDK escapes the words.
import VoiceResponse from "twilio/lib/twiml/VoiceResponse.js";

// Hebrew is spoken by Google's voices only. Source: https://www.twilio.com/docs/voice/twiml/say/text-speech
const SPEAKER = {
  he: { language: "he-IL", voice: "Google.he-IL-Wavenet-A" },
  en: { language: "en-US", voice: "Polly.Joanna-Neural" },
} as const;

/** Says each text in its language, then hangs up. */
export function sayAndHangUp(texts: readonly { language: "he" | "en"; words: string }[]): string {
  const response = new VoiceResponse();
  for (const { language, words } of texts) response.say(SPEAKER[language], printable(words));
  response.hangup();
  return response.toString();
}

/** Control characters are not allowed in XML 1.0, not even escaped: one would make the whole document unreadable. */
const printable = (words: string) => words.replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, " ");
