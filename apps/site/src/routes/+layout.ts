// Pages are plain HTML; the one external module in app.html adds what scripts make nicer.
export const csr = false
