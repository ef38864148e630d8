import type { Cookies } from '@sveltejs/kit'

/** What the reader chose: `light` or `dark`; empty where the system decides. The edge's `/theme` sets the cookie. */
export function themeOf(cookies: Cookies): 'light' | 'dark' | '' {
  const chosen = cookies.get('theme')
  return chosen === 'light' || chosen === 'dark' ? chosen : ''
}
