// Texts of this project's own for comparing models without data: varied in length, subject, script and punctuation.
import { datasetOf, type Dataset } from './dataset.ts';

const short: readonly string[] = [
  'Yes.',
  'No, thank you!',
  'Where is my order?',
  'Good morning, everyone.',
  'The train left at 7:45.',
  'Cancel it, please.',
  'Terrible. Never again.',
  'I loved every minute of it.',
  'Call me at +44 20 7946 0018.',
  'Error 404: page not found',
  'Two plus two is four.',
  'She did not agree.',
  'What a waste of money…',
  '50% off until Sunday!!!',
  'It rained all night.',
  'Is the museum open on Mondays?',
  'lol that was awesome :)',
  'Please reset my password',
  'The patient has no fever.',
  'Best soup in town, hands down.',
  'Water boils at 100 °C.',
  'Turn left after the bridge.',
  'My card was declined twice today',
  'Who wrote this book?',
];

const medium: readonly string[] = [
  'The hotel was clean and quiet, but breakfast ended far too early for people on holiday.',
  'I ordered a blue jacket in size M and received a green one in size XL, so I would like to return it.',
  'Although the first half drags, the final act is so well played that I forgave the film everything.',
  'The committee will publish its report on 14 March 2023, two weeks later than it had promised.',
  'Researchers measured how quickly the glaciers of the northern valley had retreated since 1950.',
  'Could you tell me whether the warranty still covers the battery if I bought the phone abroad?',
  'He closed the door quietly, put the letter on the table and waited for somebody to ask.',
  'The price of wheat rose by 3.7 percent on Tuesday after a dry spring in the south of the country.',
  'My account shows a payment of $129.99 to a shop that I have never heard of; please block my card.',
  'A small dog with a red collar runs along the beach and chases the gulls into the water.',
  'A puppy is running on the sand and trying to catch some birds near the sea.',
  'To install the package, run the command above, restart the service and check the log for warnings.',
  "It's not that the acting is bad; it's that nobody seems to have told the actors what the story is about.",
  'The new bridge, which took nine years to build, carries about forty thousand cars a day.',
  'Mix the flour with the butter, add two eggs and a pinch of salt, and let the dough rest for an hour.',
  'The court found that the tenant had paid the rent in full and dismissed the claim of the owner.',
  'Our support team answers within one working day; outside office hours please use the form below.',
  'She has been learning the violin since she was six and still practises three hours every morning.',
  'The second edition corrects several mistakes in chapter five and adds an index of names.',
  'Nothing about this phone feels cheap except the cable, which broke in the first week.',
  'The vaccine was given to 1,204 volunteers, of whom 37 reported a headache and none had to stop.',
  'If the light blinks twice and then stays on, the filter is full and should be replaced soon.',
  'They moved to the coast because of the air, and moved back because of the wind.',
  'For a beginner the tutorial goes too fast, and for an expert there is nothing new in it.',
  'The minister said on Friday that there were "no plans whatsoever" to raise the retirement age.',
  'Flight KL1023 to Amsterdam is delayed by 55 minutes owing to fog; gate B17 remains unchanged.',
  'I have used this mixer for three years, five times a week, and it has never let me down.',
  'The lake froze early that winter, and the children skated to school across it.',
  'Please transfer 250 euros from my savings account to my current account before noon tomorrow.',
  'An old man in a grey coat was feeding the pigeons while the orchestra packed up its instruments.',
  'Sales in the third quarter fell short of expectations, mainly because of weaker demand in Asia.',
  'One star for the food, five for the view, and somebody should turn the music down.',
];

const long: readonly string[] = [
  'When the parcel finally arrived, eleven days late and with one corner crushed, I expected the worst; but the lamp inside was wrapped so carefully that not even the glass shade had a scratch. The seller had written a note by hand, apologised for the delay, which was not her fault, and added a spare bulb. I have bought from large shops that cared less about an order of ten times the price, and I will certainly come back.',
  'The village lies at the end of a road that is closed from November to April. In summer a bus comes twice a day, and the driver knows everyone by name. There is a shop, which is also the post office, a school with nine pupils, and a church whose tower leans a little more each year. Visitors who ask what there is to do are told, politely, that there is nothing to do, and that this is why people come.',
  'To replace the battery, switch the device off and remove the four screws on the back. Lift the cover with a flat tool, starting at the lower edge, and take care not to pull on the ribbon cable beneath it. Disconnect the old battery, wait thirty seconds, insert the new one with the label facing up, and press until it clicks. Close the cover, tighten the screws in a crosswise order, and charge the device for at least two hours before you use it.',
  'In the first experiment, forty participants read a list of twenty words and were asked, after a delay of five minutes, to write down as many as they could remember. Those who had slept for seven hours or more recalled 12.4 words on average, those who had slept for less recalled 9.1. The difference remained when age and education were taken into account, but it disappeared in the second experiment, in which the words were read aloud.',
  'The film begins with a funeral and ends with a wedding, and between the two it tries to be a comedy, a thriller and a family chronicle. It has a wonderful cast, some beautiful pictures of the river at dawn, and at least three endings too many. By the time the letter is opened, nobody in the audience can remember who wrote it. Still, the scene in the kitchen is worth the ticket on its own, and the music stays with you for days.',
  'Under the agreement, either party may end the contract by giving three months of notice in writing. The deposit is returned within thirty days of the end of the contract, less the cost of any damage that goes beyond normal wear. Disputes are first brought before an independent mediator, whose fee is shared equally. Only if mediation fails may the matter be taken to the court of the place in which the property lies.',
  'Hello, I have been a customer for more than six years and have never had a problem until last week, when I tried to change my address on your web site. The page accepted the new address, sent me a confirmation, and then delivered two orders to the old one. I called twice, was told twice that everything was fine, and now there is a third parcel on its way to a house that I no longer live in. What exactly do I have to do?',
  'The team was two goals down at half time and had lost its captain to an injury. Whatever the coach said in the dressing room, it worked: within ten minutes of the restart they had drawn level, and in the last minute of added time a nineteen-year-old who was playing his first match for the club headed in the winner. The stadium, half empty by then, made as much noise as if it had been full.',
  'Bake the vegetables at 200 degrees for about forty minutes, turning them once, until they are soft and brown at the edges. Meanwhile cook the lentils in plenty of water with a bay leaf, drain them, and season them with vinegar, oil, salt and a little mustard while they are still hot. Mix both, add chopped parsley and the crumbled cheese, and serve warm or cold. It keeps for three days in the refrigerator and tastes better on the second.',
  'The company, founded in 1987 in a garage with two employees, today runs factories in four countries and supplies most of the sensors used in hearing aids. Its revenue last year was 412 million, up from 365 million the year before, while profit fell slightly, from 48 to 45 million, because of a new plant. Analysts had expected more, and the share price dropped by 6.2 percent before recovering in the afternoon.',
];

const others: readonly string[] = [
  'Das Zimmer war sauber, aber die Straße vor dem Fenster hörte die ganze Nacht nicht auf zu lärmen.',
  'Können Sie mir bitte sagen, wann die nächste U-Bahn fährt?',
  'Le service était lent, la soupe froide et l’addition, elle, brûlante.',
  'Où est-ce que je peux acheter un billet pour demain matin ?',
  '¿Cuánto cuesta enviar este paquete a México? ¡Gracias!',
  'La película es demasiado larga, pero el final merece la pena.',
  'O preço subiu 12% em apenas três meses, disse a associação.',
  'Il treno delle 18.30 è in ritardo di venti minuti a causa della neve.',
  'De winkel is op zondag gesloten, behalve in december.',
  'Jag har aldrig ätit något så gott i hela mitt liv.',
  'Zażółć gęślą jaźń: to zdanie ma wszystkie polskie znaki.',
  'Příliš žluťoučký kůň běžel přes louku.',
  'Где находится ближайшая аптека? Мне нужно лекарство от кашля.',
  'Фільм сподобався дітям, але дорослим було нудно.',
  'Πού είναι ο σταθμός του τρένου;',
  'Bu telefonun pili iki gün dayanıyor, çok memnunum.',
  'הספר הזה מצוין, אבל התרגום חלש.',
  'هذا المطعم رائع والأسعار معقولة جدا.',
  'यह किताब बहुत अच्छी है, ज़रूर पढ़िए।',
  '这家酒店的房间很干净，但是早餐种类太少。',
  '请问去火车站怎么走？',
  'この映画は面白かったが、少し長すぎると思う。',
  '배송이 빨라서 좋았어요. 다음에도 여기서 살게요!',
  'ร้านนี้อาหารอร่อยมาก ราคาไม่แพง',
  'Cà phê ở đây ngon nhưng hơi đắt.',
];

const odd: readonly string[] = [
  'https://example.org/search?q=small+models&page=2#results',
  'SELECT name, COUNT(*) FROM orders WHERE total > 100 GROUP BY name;',
  'x = (a + b) / 2; y = sqrt(x * x + 1)',
  'ALL CAPS, NO PUNCTUATION AND VERY LOUD',
  '3.14159 2.71828 1.41421 1.61803 0.57721',
];

/** 96 texts, one to about 110 tokens long, mostly English. Written for this project; the order is fixed. */
export const builtinTexts: readonly string[] = [...short, ...medium, ...long, ...others, ...odd];

/** The built-in texts as data without labels; the line of a row is its place in the list. */
export function builtinDataset(): Dataset {
  const rows = builtinTexts.map((text, i) => ({ line: i + 1, text }));
  return datasetOf(rows, { path: 'built-in texts', format: 'built-in', columns: { text: 'text' } });
}
